/** What the first paint does without, fetched as soon as the browser has nothing better to do. */
import type { Component } from "svelte";

type Later<T> = () => Promise<T>;

function once<T>(load: Later<T>): Later<T> {
  let loading: Promise<T> | undefined;
  return () => {
    loading ??= load().catch((error: unknown) => {
      // The next try asks again: the line may be back.
      loading = undefined;
      throw error;
    });
    return loading;
  };
}

export const loadLobby = once(() => import("./Lobby.svelte"));
export const loadCall = once(() => import("./Call.svelte"));
export const loadShield = once(() => import("./ShieldPanel.svelte"));
export const loadDoctor = once(() => import("./Doctor.svelte"));
export const loadKeys = once(() => import("./Keys.svelte"));

/** So that Home to Lobby and Lobby to Call wait for nothing. */
export function preload(): void {
  const soon = window.requestIdleCallback ?? ((then: () => void) => setTimeout(then, 200));
  soon(() => {
    // The doctor too: when the line is down, it is too late.
    for (const load of [loadLobby, loadCall, loadDoctor] as Later<{ default: Component<never> }>[]) {
      load().catch((error: unknown) => console.warn("a screen could not be fetched ahead", error));
    }
  });
}
