/**
 * Where a session came from, in one word: the default channel groups of Google Analytics 4, in the small
 * (https://support.google.com/analytics/answer/9756891). The first rule that holds counts.
 *
 * The medium is `utm_medium`, and the source `utm_source`, or else the host of the referrer. A click id of an
 * advertisement in a search (`gclid` and the like) counts as Paid Search, as it does there. A referrer on the host of
 * the entry page is the site itself, and counts as none. What is left out: shopping, and the long lists of sites.
 */
import { literal } from "../sql/literals.ts";

/** Hosts, with whatever is before a dot, and sources, of search engines. */
const searchSites = "google|bing|duckduckgo|yahoo|baidu|yandex|ecosia|qwant|startpage|naver|seznam|ask|aol|kagi";

const searchHosts = `(?:.*\\.)?(?:${searchSites})\\.[a-z.]+|search\\.brave\\.com`;

const socialSites =
  "facebook|instagram|linkedin|twitter|reddit|pinterest|tiktok|snapchat|threads|mastodon|tumblr|quora|vk|weibo|bluesky|whatsapp|telegram";

const socialHosts = `(?:.*\\.)?(?:${socialSites})\\.[a-z.]+|(?:.*\\.)?(?:x\\.com|t\\.co|lnkd\\.in|fb\\.com|bsky\\.app|t\\.me|ycombinator\\.com)`;

const videoSites = "youtube|vimeo|twitch|dailymotion|netflix";

const videoHosts = `(?:.*\\.)?(?:${videoSites})\\.[a-z.]+|youtu\\.be`;

/** Parameters by which search engines mark a click on an advertisement. */
const paidClick = "[?&](?:gclid|gbraid|wbraid|msclkid)=";

const email = "email|e-mail|e_mail|e mail|newsletter";

/** SQL expression: the host of a URL without `www.`, in lower case; NULL if there is none. */
const hostOf = (url: string) =>
  `nullif(regexp_extract(lower(${url}), '^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(?:www\\.)?([^/?#:]*)', 1), '')`;

const is = (value: string, pattern: string) => `regexp_full_match(${value}, ${literal(pattern)})`;

const isSearch = is("source", `${searchSites}|${searchHosts}`);

const isSocial = is("source", `${socialSites}|x|${socialHosts}`);

const isVideo = is("source", `${videoSites}|${videoHosts}`);

const isPaid = is("medium", ".*cp.*|ppc|retargeting|paid.*");

const social = "social|social-network|social-media|sm|social network|social media";

const rules: readonly (readonly [condition: string, channel: string])[] = [
  ["is_click", "Paid Search"],
  ["source = '' AND medium = '' AND utm_campaign IS NULL", "Direct"],
  ["contains(coalesce(lower(utm_campaign), ''), 'cross-network')", "Cross-network"],
  [`${isPaid} AND ${isSearch}`, "Paid Search"],
  [`${isPaid} AND ${isSocial}`, "Paid Social"],
  [`${isPaid} AND ${isVideo}`, "Paid Video"],
  ["medium IN ('display', 'banner', 'expandable', 'interstitial', 'cpm')", "Display"],
  [isPaid, "Paid Other"],
  [`${isSocial} OR ${is("medium", social)}`, "Organic Social"],
  [`${isVideo} OR ${is("medium", ".*video.*")}`, "Organic Video"],
  [`${isSearch} OR medium = 'organic'`, "Organic Search"],
  [`${is("source", email)} OR ${is("medium", email)}`, "Email"],
  ["medium = 'affiliate'", "Affiliates"],
  ["medium = 'audio'", "Audio"],
  ["source = 'sms' OR medium = 'sms'", "SMS"],
  [`${is("medium", ".*push|.*mobile.*|.*notification.*")} OR source = 'firebase'`, "Mobile Push Notifications"],
  ["medium IN ('referral', 'app', 'link') OR (medium = '' AND utm_source IS NULL)", "Referral"],
];

/**
 * SELECT of the columns of `from`, a SELECT with `entry_page`, `referrer`, `utm_source`, `utm_medium` and
 * `utm_campaign`, and the column `channel`.
 */
export const withChannel = (from: string) => `
  SELECT * EXCLUDE (source, medium, is_click), CASE
      ${rules.map(([condition, channel]) => `WHEN ${condition} THEN ${literal(channel)}`).join("\n      ")}
      ELSE 'Unassigned' END AS channel
  FROM (
    SELECT *,
      coalesce(lower(utm_source), nullif(${hostOf("referrer")}, coalesce(${hostOf("entry_page")}, '')), '') AS source,
      coalesce(lower(utm_medium), '') AS medium,
      contains(entry_page, '?') AND regexp_matches(entry_page, ${literal(paidClick)}) AS is_click
    FROM (${from})
  )`;
