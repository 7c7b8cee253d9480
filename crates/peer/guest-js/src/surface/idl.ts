// Conversions of arguments as WebIDL has them, for classes that are not made by a binding generator.

/** Gives a value of type `T`, or throws a TypeError; `what` names the value in it. */
export type Converter<T> = (value: unknown, what: string) => T;

export const boolean: Converter<boolean> = Boolean;

export const string: Converter<string> = (value, what) => {
  if (typeof value === "symbol") throw new TypeError(`${what} cannot be a symbol`);
  return String(value);
};

/** A USVString: lone surrogates become U+FFFD. */
export const scalars: Converter<string> = (value, what) =>
  string(value, what).replace(
    /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    "\ufffd",
  );

export const double: Converter<number> = (value, what) => {
  const number = Number(value);
  if (!Number.isFinite(number)) throw new TypeError(`${what} is not a finite number`);
  return number;
};

type Beyond = "wrap" | "enforce";

function integer(least: number, most: number, beyond: Beyond): Converter<number> {
  return (value, what) => {
    const number = Number(value);
    const whole = Math.trunc(number);
    if (beyond === "enforce") {
      if (!Number.isFinite(number) || whole < least || whole > most)
        throw new TypeError(`${what} is outside ${least} to ${most}`);
      return whole + 0;
    }
    if (!Number.isFinite(number)) return 0;
    const span = most - least + 1;
    return ((((whole - least) % span) + span) % span) + least;
  };
}

export const octetEnforced = integer(0, 255, "enforce");
export const unsignedShort = integer(0, 65_535, "wrap");
export const unsignedShortEnforced = integer(0, 65_535, "enforce");
export const unsignedLong = integer(0, 4_294_967_295, "wrap");
export const long = integer(-2_147_483_648, 2_147_483_647, "wrap");

export function nullable<T>(type: Converter<T>): Converter<T | null> {
  return (value, what) => (value === null || value === undefined ? null : type(value, what));
}

export function enumeration<T extends string>(...values: T[]): Converter<T> {
  return (value, what) => {
    const text = string(value, what);
    const found = values.find((one) => one === text);
    if (found === undefined) throw new TypeError(`"${text}" is no value of ${what}`);
    return found;
  };
}

export function sequence<T>(type: Converter<T>): Converter<T[]> {
  return (value, what) => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null)
      throw new TypeError(`${what} is not a sequence`);
    const iterate = (value as Iterable<unknown>)[Symbol.iterator];
    if (typeof iterate !== "function") throw new TypeError(`${what} is not a sequence`);
    return Array.from(value as Iterable<unknown>, (one) => type(one, what));
  };
}

// biome-ignore lint/suspicious/noExplicitAny: any class will do.
export function instance<C extends abstract new (...args: any) => unknown>(
  type: () => C,
): Converter<InstanceType<C>> {
  return (value, what) => {
    const wanted = type();
    if (!(value instanceof wanted)) throw new TypeError(`${what} is not of type ${wanted.name}`);
    return value as InstanceType<C>;
  };
}

interface Member<T> {
  type: Converter<T>;
  required?: boolean;
  /** What an absent member is. */
  standard?: T | (() => T);
}

type Members<D> = { [K in keyof D]-?: Member<Exclude<D[K], undefined>> };

/** A dictionary: absent members are left out unless they have a default. */
export function dictionary<D extends object>(members: Members<D>): Converter<D> {
  const names = (Object.keys(members) as (keyof D & string)[]).sort();
  return (value, what) => {
    if (value !== undefined && value !== null && typeof value !== "object" && typeof value !== "function")
      throw new TypeError(`${what} is not an object`);
    const result: Partial<D> = {};
    for (const name of names) {
      const { type, required, standard } = members[name];
      const given = (value as D | null | undefined)?.[name];
      if (given !== undefined) {
        result[name] = type(given, `${what}.${name}`) as D[typeof name];
      } else if (required) {
        throw new TypeError(`${what} has no ${name}`);
      } else if (standard !== undefined) {
        result[name] = (
          typeof standard === "function" ? (standard as () => unknown)() : standard
        ) as D[typeof name];
      }
    }
    return result as D;
  };
}

/** Throws when a function is called with fewer arguments than it needs. */
export function needs(given: { length: number }, count: number): void {
  if (given.length < count) throw new TypeError(`${count} arguments are needed, ${given.length} are given`);
}

/** Makes a class look like an interface of the platform: its name, and which of its members are enumerable. */
export function expose(
  // biome-ignore lint/suspicious/noExplicitAny: any class will do.
  type: abstract new (...args: any) => unknown,
  name: string,
  length = 0,
  lengths: Record<string, number> = {},
): void {
  const fixed = (of: object, key: PropertyKey, value: unknown) =>
    Object.defineProperty(of, key, { configurable: true, enumerable: false, writable: false, value });
  fixed(type, "name", name);
  fixed(type, "length", length);
  fixed(type.prototype as object, Symbol.toStringTag, name);
  for (const of of [type, type.prototype as object]) {
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(of))) {
      if (["constructor", "prototype", "name", "length"].includes(key)) continue;
      Object.defineProperty(of, key, { ...property, enumerable: true });
      const wanted = lengths[key];
      if (typeof property.value === "function" && wanted !== undefined)
        fixed(property.value, "length", wanted);
    }
  }
}
