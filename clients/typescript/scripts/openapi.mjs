// The types of the HTTP contract, from the service's OpenAPI document.
import openapiTS, { astToString } from "openapi-typescript";

const DOCUMENT = new URL("../../../openapi/openapi.json", import.meta.url);

/** Where the types are committed. */
export const OUTPUT = new URL("../src/openapi.d.ts", import.meta.url);

const HEAD = `// Generated from openapi/openapi.json by \`npm run types\`. Do not edit.

`;

/** The types as they should be. */
export async function generate() {
  return HEAD + astToString(await openapiTS(DOCUMENT));
}
