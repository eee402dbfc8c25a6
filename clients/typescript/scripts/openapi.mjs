// The types of the HTTP contract, from the service's OpenAPI document.
import { readFile } from "node:fs/promises";

import openapiTS, { astToString } from "openapi-typescript";

const DOCUMENT = new URL("../../../openapi/openapi.json", import.meta.url);

/** Where the types are committed. */
export const OUTPUT = new URL("../src/openapi.d.ts", import.meta.url);

const HEAD = `// Generated from openapi/openapi.json by \`npm run types\`. Do not edit.

`;

/** The types as they should be: of all schemas, without the routes. */
export async function generate() {
  const { openapi, info, components } = JSON.parse(await readFile(DOCUMENT, "utf8"));
  return HEAD + astToString(await openapiTS({ openapi, info, components, paths: {} }));
}
