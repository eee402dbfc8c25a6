/**
 * The fields that a JSON Schema asks for, as far as a form can have them: an object's members, and
 * those that a condition on another member adds. What a form cannot have is edited as JSON. Pure.
 */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  title?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  properties?: Record<string, Schema | boolean>;
  required?: string[];
  items?: Schema | boolean;
  additionalProperties?: Schema | boolean;
  allOf?: Schema[];
  if?: Schema;
  then?: Schema;
  else?: Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
}

export type Value = null | boolean | number | string | Value[] | { [name: string]: Value };

export interface Field {
  name: string;
  schema: Schema;
  required: boolean;
}

export type Kind = "choice" | "text" | "number" | "switch" | "list" | "members" | "texts" | "json";

export function kindOf(schema: Schema): Kind {
  if (schema.enum?.every((one) => typeof one === "string")) return "choice";
  switch (schema.type) {
    case "string":
      return "text";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "switch";
    case "array":
      return isSchema(schema.items) && kindOf(schema.items) !== "json" ? "list" : "json";
    case "object":
      if (schema.properties) return "members";
      return isSchema(schema.additionalProperties) && schema.additionalProperties.type === "string" ? "texts" : "json";
    default:
      return schema.properties || schema.allOf ? "members" : "json";
  }
}

/** The members of an object that has this value so far. */
export function fieldsOf(schema: Schema, value: Value | undefined): Field[] {
  const found = new Map<string, Schema>();
  const required = new Set<string>();
  const add = (part: Schema): void => {
    for (const [name, member] of Object.entries(part.properties ?? {})) {
      if (isSchema(member)) found.set(name, { ...found.get(name), ...member });
    }
    for (const name of part.required ?? []) required.add(name);
    for (const inner of part.allOf ?? []) add(inner);
    if (part.if) {
      const branch = meets(part.if, value) ? part.then : part.else;
      if (branch) add(branch);
    }
  };
  add(schema);
  // What is required comes first, in the order in which it is required; the service's options last.
  const rank = (name: string): number => {
    const at = [...required].indexOf(name);
    return name === "options" ? Infinity : at === -1 ? required.size : at;
  };
  const fields = [...found].map(([name, member]) => ({ name, schema: member, required: required.has(name) }));
  return fields.sort((a, b) => rank(a.name) - rank(b.name));
}

/** Whether a value meets a condition of constants, choices and presence; others never hold. */
function meets(condition: Schema, value: Value | undefined): boolean {
  if (!isObject(value)) return false;
  const has = (condition.required ?? []).every((name) => value[name] !== undefined);
  return (
    has &&
    Object.entries(condition.properties ?? {}).every(([name, member]) => {
      const own = value[name];
      if (!isSchema(member) || own === undefined) return true;
      if (member.const !== undefined) return member.const === own;
      return member.enum ? member.enum.includes(own) : false;
    })
  );
}

/** A value to begin with: what is required, and nothing else. */
export function initial(schema: Schema): Value | undefined {
  if (schema.default !== undefined) return schema.default as Value;
  if (schema.const !== undefined) return schema.const as Value;
  switch (kindOf(schema)) {
    case "choice":
      return schema.enum?.[0] as Value;
    case "text":
      return "";
    case "number":
      return schema.minimum ?? 0;
    case "switch":
      return false;
    case "list":
      return Array.from({ length: schema.minItems ?? 0 }, () => initial(schema.items as Schema) ?? null);
    case "members":
      return completed(schema, {});
    case "texts":
      return {};
    default:
      return undefined;
  }
}

/** The value with what its schema requires by now, and without what it no longer has. */
export function completed(schema: Schema, value: { [name: string]: Value }): { [name: string]: Value } {
  let result = { ...value };
  // A condition may hang on a member that another one added.
  for (let round = 0; round < 3; round += 1) {
    const fields = fieldsOf(schema, result);
    const next: { [name: string]: Value } = {};
    for (const { name, schema: member, required } of fields) {
      const own = result[name] ?? (required ? initial(member) : undefined);
      if (own !== undefined) next[name] = own;
    }
    result = next;
  }
  return result;
}

/** References to other parts of the document are put in their places, to a depth. */
export function resolved(schema: Schema, document: unknown, depth = 8): Schema {
  const inner = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(inner);
    if (!isObject(one as Value)) return one;
    return resolved(one as Schema, document, depth - 1);
  };
  if (depth === 0) return {};
  const target = schema.$ref?.startsWith("#/") ? at(document, schema.$ref.slice(2).split("/")) : undefined;
  const whole = { ...(target as Schema | undefined), ...schema };
  delete whole.$ref;
  if (target) return resolved(whole, document, depth - 1);
  return Object.fromEntries(Object.entries(whole).map(([name, part]) => [name, inner(part)])) as Schema;
}

function at(document: unknown, path: string[]): unknown {
  return path.reduce<unknown>(
    (part, name) => (part as Record<string, unknown> | undefined)?.[name.replaceAll("~1", "/").replaceAll("~0", "~")],
    document,
  );
}

const isSchema = (one: Schema | boolean | undefined): one is Schema => typeof one === "object" && one !== null;
export const isObject = (one: Value | undefined): one is { [name: string]: Value } =>
  typeof one === "object" && one !== null && !Array.isArray(one);
