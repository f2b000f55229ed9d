/** Lists everything that is wrong with a value by its schema, in pydantic's words and in the schema's order. */
import { KindGuard, type TArray, type TObject, type TSchema } from "@sinclair/typebox";
import {
  booleanFault,
  dictOrListFault,
  enumFault,
  eventIdFault,
  type Fault,
  integerFault,
  listLengthFault,
  stringFault,
  timestampFault,
} from "./faults.ts";
import { type Issue, jsonInvalid } from "./issue.ts";
import { depthError, isRecord, nestsDeeper } from "./parse.ts";
import { memberOf, propertiesLevelsMax } from "./values.ts";

/** A place in a body, and its value in both forms of `ParsedJson`. */
type Place = { loc: Issue["loc"]; value: unknown; exact: unknown };

/**
 * All that is wrong at a place and within it. REQUIRES: the schema consists of objects, lists, records, strings,
 * integers, booleans, literals and unions of these; anything else is not checked.
 */
export function issuesOf(schema: TSchema, place: Place): Issue[] {
  const all = KindGuard.IsUnion(schema) ? schema.anyOf : [schema];
  const alternatives = all.filter((alternative) => !KindGuard.IsNull(alternative));
  if (alternatives.length < all.length && place.value === null) return [];
  const members = alternatives.filter(KindGuard.IsLiteral).map((literal) => literal.const);
  if (members.length === alternatives.length) return issuesAt(place, enumFault(members, place.value));
  const models = alternatives.filter(isModel);
  if (models.length > 1) return issuesOfChoice(models, place);
  if (alternatives.some((alternative) => KindGuard.IsRecord(alternative)))
    return issuesAt(place, dictOrListFault(place.value));

  const [wanted] = alternatives;
  if (KindGuard.IsArray(wanted)) return issuesOfList(wanted, place);
  if (isModel(wanted)) return issuesOfModel(wanted, place);
  if (KindGuard.IsObject(wanted)) return issuesOfDict(place);
  if (KindGuard.IsBoolean(wanted)) return issuesAt(place, booleanFault(place.value));
  if (KindGuard.IsInteger(wanted)) return issuesAt(place, integerFault(wanted, place.value));
  if (!KindGuard.IsString(wanted)) return [];
  if (wanted.format === "date-time") return issuesAt(place, timestampFault(place.value));
  if (wanted.format === "uuid") return issuesAt(place, eventIdFault(place.value));
  return issuesAt(place, stringFault(wanted, place.value));
}

/** Whether a schema is of an object with named fields; any other object may have any members. */
const isModel = (schema: unknown): schema is TObject =>
  KindGuard.IsObject(schema) && (schema.additionalProperties === undefined || schema.additionalProperties === false);

function issuesAt({ loc, exact }: Place, fault: Fault | undefined): Issue[] {
  if (fault === undefined) return [];
  const { type, msg, ctx } = fault;
  return [ctx === undefined ? { type, loc, msg, input: exact } : { type, loc, msg, input: exact, ctx }];
}

function issuesOfModel({ properties, additionalProperties }: TObject, place: Place): Issue[] {
  if (!isRecord(place.value)) {
    const msg = "Input should be a valid dictionary or object to extract fields from";
    return issuesAt(place, { type: "model_attributes_type", msg });
  }
  const fields = place.value;
  const issues = Object.entries(properties).flatMap(([name, schema]) => {
    if (Object.hasOwn(fields, name)) return issuesOf(schema, placeWithin(place, name));
    if (KindGuard.IsOptional(schema)) return [];
    return issuesAt({ ...place, loc: [...place.loc, name] }, { type: "missing", msg: "Field required" });
  });
  if (additionalProperties !== false) return issues;
  const others = Object.keys(fields).filter((name) => !Object.hasOwn(properties, name));
  const fault = { type: "extra_forbidden", msg: "Extra inputs are not permitted" };
  return [...issues, ...others.flatMap((name) => issuesAt(placeWithin(place, name), fault))];
}

/**
 * An object that must match one of several models. Each model has a string field of its own, which must not be empty;
 * shared fields are checked separately.
 */
function issuesOfChoice(models: readonly TObject[], place: Place): Issue[] {
  const names = [...new Set(models.flatMap(({ properties }) => Object.keys(properties)))];
  const shared = names.filter((name) => models.every(({ properties }) => Object.hasOwn(properties, name)));
  const isShared = ({ loc }: Issue) => shared.includes(String(loc[place.loc.length]));
  const perModel = models.map((model) => issuesOfModel(model, place));
  const [first = []] = perModel;
  const own = names.filter((name) => !shared.includes(name));
  const msg = `Input should be an object with one of ${own.join(", ")}, a string that is not empty`;
  const isOne = perModel.some((issues) => issues.every(isShared));
  return [...issuesAt(place, isOne ? undefined : { type: "model_attributes_type", msg }), ...first.filter(isShared)];
}

function issuesOfList(schema: TArray, place: Place): Issue[] {
  if (!Array.isArray(place.value)) return issuesAt(place, { type: "list_type", msg: "Input should be a valid list" });
  const fault = listLengthFault(schema, place.value.length);
  if (fault !== undefined) return issuesAt(place, fault);
  return place.value.flatMap((_, index) => issuesOf(schema.items, placeWithin(place, index)));
}

function issuesOfDict(place: Place): Issue[] {
  if (!isRecord(place.value)) return issuesAt(place, { type: "dict_type", msg: "Input should be a valid dictionary" });
  return nestsDeeper(place.value, propertiesLevelsMax) ? [jsonInvalid(place.loc, depthError)] : [];
}

const placeWithin = ({ loc, value, exact }: Place, key: string | number): Place => ({
  loc: [...loc, key],
  value: memberOf(value, key),
  exact: memberOf(exact, key),
});
