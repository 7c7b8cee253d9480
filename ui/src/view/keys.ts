/** Keystrokes to commands, for the screen that is up. */
import { type CommandId, commandAt, type ScreenName, spell } from "../core/commands";
import type { Actions } from "../core/view-model";
import { onMac } from "./face";

export interface KeyScope {
  readonly screen: () => ScreenName;
  readonly actions: Actions;
  readonly local: Partial<Record<CommandId, () => void>>;
}

const floating = '[role="dialog"], [role="menu"]';
const pressable = "button, a, input, select, textarea, [contenteditable], [role='menuitemradio']";

/** Listens on the window until the returned function is called. */
export function listen(scope: KeyScope): () => void {
  let talking = false;

  const release = () => {
    if (!talking) return;
    talking = false;
    scope.actions.holdToTalk(false);
  };

  const down = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing) return;
    const key = spell(event, onMac);
    const command = key === null ? null : commandAt(scope.screen(), key);
    // An open menu or dialog has the keys to itself.
    if (command === null || document.querySelector(floating) !== null) return;
    if (command.id === "hold-to-talk") {
      if (event.target instanceof Element && event.target.closest(pressable) !== null) return;
      event.preventDefault();
      if (event.repeat || talking) return;
      talking = true;
      scope.actions.holdToTalk(true);
      return;
    }
    event.preventDefault();
    if (event.repeat) return;
    (scope.local[command.id] ?? command.press)?.(scope.actions);
  };

  const up = (event: KeyboardEvent) => {
    if (event.key === " ") release();
  };

  window.addEventListener("keydown", down);
  window.addEventListener("keyup", up);
  window.addEventListener("blur", release);
  return () => {
    release();
    window.removeEventListener("keydown", down);
    window.removeEventListener("keyup", up);
    window.removeEventListener("blur", release);
  };
}
