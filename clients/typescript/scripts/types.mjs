// Writes src/openapi.d.ts from the service's OpenAPI document. A test fails while they differ.
import { writeFile } from "node:fs/promises";

import { OUTPUT, generate } from "./openapi.mjs";

await writeFile(OUTPUT, await generate());
