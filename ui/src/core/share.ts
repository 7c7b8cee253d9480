/**
 * `next`, made of the parts of `previous` that are equal to its own, and `previous` itself when all are: so that a view
 * which compares by reference redraws only what changed. For plain data without cycles.
 */
export function share<T>(previous: T | undefined, next: T): T {
  return reuse(previous, next) as T;
}

function reuse(previous: unknown, next: unknown): unknown {
  if (Object.is(previous, next)) return previous;
  if (Array.isArray(next)) {
    const before = Array.isArray(previous) ? previous : [];
    const parts = next.map((part, i) => reuse(before[i], part));
    const same =
      Array.isArray(previous) &&
      before.length === parts.length &&
      parts.every((part, i) => part === before[i]);
    return same ? previous : parts;
  }
  if (!isPlain(next)) return next;
  const before = isPlain(previous) ? previous : {};
  const keys = Object.keys(next);
  const parts: Record<string, unknown> = {};
  for (const key of keys) parts[key] = reuse(before[key], next[key]);
  const same =
    isPlain(previous) &&
    Object.keys(before).length === keys.length &&
    keys.every((key) => key in before && Object.is(parts[key], before[key]));
  return same ? previous : parts;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
