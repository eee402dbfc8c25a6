/** A form made from a JSON Schema. */
import { useId } from "preact/hooks";

import { completed, type Field, fieldsOf, initial, isObject, kindOf, type Schema, type Value } from "./schema.ts";

interface PartProps {
  schema: Schema;
  value: Value | undefined;
  /** JSON pointers, and what is wrong there. */
  faults: ReadonlyMap<string, string>;
  pointer: string;
  onChange: (value: Value | undefined) => void;
}

/** `delay_seconds` as people write it. */
const words = (name: string): string => name.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

export function Members({ schema, value, faults, pointer, onChange }: PartProps) {
  const own = isObject(value) ? value : {};
  const set = (name: string, member: Value | undefined): void => {
    const next = { ...own };
    if (member === undefined) delete next[name];
    else next[name] = member;
    onChange(completed(schema, next));
  };
  return (
    <>
      {fieldsOf(schema, own).map((field) => (
        <Member
          key={field.name}
          field={field}
          value={own[field.name]}
          faults={faults}
          pointer={`${pointer}/${field.name}`}
          onChange={(next) => set(field.name, next)}
        />
      ))}
    </>
  );
}

function Member({
  field: { name, schema, required },
  value,
  faults,
  pointer,
  onChange,
}: Omit<PartProps, "schema"> & { field: Field }) {
  const kind = kindOf(schema);
  const part = { schema, value, faults, pointer, onChange };
  if (kind === "members" || kind === "list" || kind === "texts") {
    const filled = required || (value !== undefined && Object.keys(value ?? {}).length > 0);
    return (
      <details class="group" open={filled}>
        <summary>
          {words(name)} {!required && <span class="soft">optional</span>}
        </summary>
        {schema.description && <p class="soft">{schema.description}</p>}
        {kind === "members" ? <Members {...part} /> : kind === "list" ? <List {...part} /> : <Texts {...part} />}
      </details>
    );
  }
  return <Single {...part} name={name} required={required} />;
}

function Single({
  schema,
  value,
  faults,
  pointer,
  onChange,
  name,
  required,
}: PartProps & { name: string; required: boolean }) {
  const id = useId();
  const kind = kindOf(schema);
  const fault = faults.get(pointer);
  const rest = { id, class: "input", "aria-invalid": !!fault, "aria-describedby": `${id}-hint` };
  const text = (raw: string): void => onChange(raw === "" && !required ? undefined : raw);
  return (
    <div class="field">
      <label htmlFor={id}>
        {words(name)} {!required && <span class="soft">optional</span>}
      </label>
      {kind === "choice" && (
        <select
          {...rest}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => text(event.currentTarget.value)}
        >
          {!required && <option value="">–</option>}
          {schema.enum?.map((one) => (
            <option key={String(one)} value={String(one)}>
              {String(one)}
            </option>
          ))}
        </select>
      )}
      {kind === "number" && (
        <input
          {...rest}
          inputMode="decimal"
          value={value === undefined ? "" : String(value)}
          onInput={(event) => onChange(number(event.currentTarget.value))}
        />
      )}
      {kind === "switch" && (
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      )}
      {kind === "text" && (
        <input
          {...rest}
          value={typeof value === "string" ? value : ""}
          onInput={(event) => text(event.currentTarget.value)}
        />
      )}
      {kind === "json" && <p class="soft">Edit it as JSON.</p>}
      <span class={fault ? "fault" : "hint"} id={`${id}-hint`}>
        {fault ?? hint(schema)}
      </span>
    </div>
  );
}

/** What is no number stays as it was typed: the service says what is wrong with it. */
function number(raw: string): Value | undefined {
  if (raw.trim() === "") return undefined;
  return Number.isNaN(Number(raw)) ? raw : Number(raw);
}

function hint({ description, minimum, maximum, maxLength, format }: Schema): string {
  const bounds = minimum !== undefined && maximum !== undefined ? `${minimum} to ${maximum.toLocaleString("en")}` : "";
  const length = maxLength !== undefined ? `at most ${maxLength} characters` : "";
  return [description, bounds, format === "uri" ? "a URL" : "", length].filter(Boolean).join(", ");
}

function List({ schema, value, faults, pointer, onChange }: PartProps) {
  const items = Array.isArray(value) ? value : [];
  const inner = schema.items as Schema;
  const set = (index: number, item: Value | undefined): void =>
    onChange(items.map((one, at) => (at === index ? (item ?? null) : one)));
  return (
    <div class="stack">
      {items.map((item, index) => (
        <fieldset key={index} class="item">
          <legend class="hidden-text">{index + 1}</legend>
          {kindOf(inner) === "members" ? (
            <Members
              schema={inner}
              value={item}
              faults={faults}
              pointer={`${pointer}/${index}`}
              onChange={(next) => set(index, next)}
            />
          ) : (
            <Single
              schema={inner}
              value={item}
              faults={faults}
              pointer={`${pointer}/${index}`}
              onChange={(next) => set(index, next)}
              name={`${index + 1}`}
              required
            />
          )}
          {items.length > (schema.minItems ?? 0) && (
            <button
              type="button"
              class="button small"
              aria-label={`Remove ${index + 1}`}
              onClick={() => onChange(items.filter((_, at) => at !== index))}
            >
              Remove
            </button>
          )}
        </fieldset>
      ))}
      {items.length < (schema.maxItems ?? Infinity) && (
        <p>
          <button type="button" class="button small" onClick={() => onChange([...items, initial(inner) ?? null])}>
            Add
          </button>
        </p>
      )}
    </div>
  );
}

/** An object of texts under any names, such as labels: `name=value`, a line each. */
function Texts({ value, faults, pointer, onChange }: PartProps) {
  const id = useId();
  const own = isObject(value) ? value : {};
  const fault = [...faults].find(([at]) => at.startsWith(pointer))?.[1];
  const parse = (text: string): void => {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const pairs = lines.map((line) => [
      line.split("=")[0]?.trim() ?? "",
      line.slice(line.indexOf("=") + 1 || line.length).trim(),
    ]);
    onChange(pairs.length > 0 ? Object.fromEntries(pairs) : undefined);
  };
  return (
    <div class="field">
      <label htmlFor={id} class="hint">
        name=value, a line each
      </label>
      <textarea
        id={id}
        class="input short"
        rows={2}
        aria-invalid={!!fault}
        defaultValue={Object.entries(own)
          .map(([name, text]) => `${name}=${String(text)}`)
          .join("\n")}
        onChange={(event) => parse(event.currentTarget.value)}
      />
      {fault && <span class="fault">{fault}</span>}
    </div>
  );
}
