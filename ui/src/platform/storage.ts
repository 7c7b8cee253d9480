/** The page's own storage. What cannot be kept (a private window, a full disk) is only forgotten. */
import type { Storage } from "../core/ports";

export class LocalStorage implements Storage {
  read(key: string): unknown {
    try {
      const text = window.localStorage.getItem(PREFIX + key);
      return text === null ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  write(key: string, value: unknown): void {
    try {
      window.localStorage.setItem(PREFIX + key, JSON.stringify(value));
    } catch (error) {
      console.warn("nothing can be remembered here", error);
    }
  }
}

const PREFIX = "snug.";
