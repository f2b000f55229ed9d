/** `GET /openapi/json`: the OpenAPI document, made from the table of endpoints and the schemas that validate. */
import { KindGuard, type TObject, type TSchema } from "@sinclair/typebox";
import packageJson from "../../../package.json" with { type: "json" };
import { json } from "../answers.ts";
import type { Documentation, DocumentedAnswer, Endpoint } from "../endpoint.ts";
import { refusal } from "./documentation.ts";

/** The answers of every endpoint with a scope to a request without a sufficient token. */
const withoutToken = { 401: refusal("No valid token"), 403: refusal("The token lacks the scope") };

/** The document of these endpoints. */
export function documentOf(endpoints: readonly Endpoint[]): Response {
  const schemas = new Map<string, object>();
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, scope, documentation } of endpoints) {
    if (documentation === undefined) continue;
    const operation = operationOf(documentation, { needsToken: scope !== undefined, schemas });
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  }
  const { version } = packageJson;
  return json({
    openapi: "3.1.2",
    info: { title: "Millrace", version, description: "Platform analytics and performance tracking" },
    paths,
    components: {
      schemas: Object.fromEntries(schemas),
      securitySchemes: { HTTPBearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  });
}

type Schemas = Map<string, object>;

function operationOf(
  { tag, body, parameters, answers, ...told }: Documentation,
  { needsToken, schemas }: { needsToken: boolean; schemas: Schemas },
): object {
  const requestBody = body && { required: true, content: contentOf({ "application/json": body }, schemas) };
  const all: Readonly<Record<number, DocumentedAnswer>> = needsToken ? { ...answers, ...withoutToken } : answers;
  const responses = Object.entries(all).map(([status, { description, content }]) => {
    return [status, { description, content: contentOf(content, schemas) }] as const;
  });
  return {
    ...told,
    tags: [tag],
    security: needsToken ? [{ HTTPBearer: [] }] : undefined,
    parameters: parameters && parametersOf(parameters),
    requestBody,
    responses: Object.fromEntries(responses),
  };
}

/** Parameters of a URL: strings as they are, anything else as JSON. */
const parametersOf = ({ properties, required = [] }: TObject) =>
  Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    description,
    ...(isPlain(schema) ? { schema } : { content: { "application/json": { schema } } }),
  }));

const isPlain = (schema: unknown): boolean =>
  KindGuard.IsUnion(schema)
    ? schema.anyOf.every(isPlain)
    : KindGuard.IsString(schema) || KindGuard.IsLiteral(schema) || KindGuard.IsNull(schema);

const contentOf = (content: DocumentedAnswer["content"], schemas: Schemas) =>
  Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [
      type,
      schema === undefined ? {} : { schema: inDocument(schema, schemas) },
    ]),
  );

/** A schema for the document: a named one is put into the components and referenced. */
function inDocument(schema: TSchema, schemas: Schemas): object {
  const { $id: name, ...rest } = schema;
  if (name === undefined)
    return KindGuard.IsUnion(schema) ? { anyOf: schema.anyOf.map((each) => inDocument(each, schemas)) } : rest;
  schemas.set(name, rest);
  return { $ref: `#/components/schemas/${name}` };
}
