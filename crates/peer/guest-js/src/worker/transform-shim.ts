// Runs in a page's worker before the worker's own script, whose address it finds behind its own.
import { installScope } from "../surface/transform-scope";

interface Scope {
  importScripts(...urls: string[]): void;
  location: unknown;
}

const scope = globalThis as unknown as Scope & typeof globalThis;
const { url, classic } = JSON.parse(decodeURIComponent(location.hash.slice(1))) as {
  url: string;
  classic: boolean;
};

// A worker gets no message before its script has run.
const held: MessageEvent[] = [];
const hold = (event: MessageEvent) => {
  event.stopImmediatePropagation();
  held.push(event);
};
const release = () => {
  removeEventListener("message", hold);
  for (const { data, origin, lastEventId, ports } of held.splice(0))
    dispatchEvent(new MessageEvent("message", { data, origin, lastEventId, ports: [...ports] }));
};
addEventListener("message", hold);

installScope();
relocate();
if (!classic || !runScript()) {
  import(/* @vite-ignore */ url).then(release, (error) => {
    // As an error of the worker itself.
    setTimeout(() => {
      throw error;
    });
  });
}

/** Whether the script has run: a module worker (a development server makes all of them so) cannot. */
function runScript(): boolean {
  try {
    scope.importScripts(url);
  } catch (error) {
    if (error instanceof TypeError && /import/i.test(error.message)) return false;
    throw error;
  }
  release();
  return true;
}

/** Lets relative addresses mean what they mean in the worker's own script. */
function relocate(): void {
  const place = new URL(url);
  Object.defineProperty(scope, "location", { configurable: true, enumerable: true, get: () => place });
  const whole = (address: unknown) => new URL(String(address), place).href;
  const { fetch, importScripts } = scope;
  scope.fetch = (input, init) => fetch.call(scope, input instanceof Request ? input : whole(input), init);
  if (typeof importScripts === "function")
    scope.importScripts = (...urls) => importScripts.call(scope, ...urls.map(whole));
}
