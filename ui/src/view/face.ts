/** What every component may ask for without it being handed down: the words, and the functions to press. */
import { createContext } from "svelte";
import type { CommandId } from "../core/commands";
import type { Actions, Lang } from "../core/view-model";
import type { Words } from "../core/words";

export interface Face {
  readonly words: Words;
  readonly lang: Lang;
  readonly actions: Actions;
  /** What the view itself answers: opening a panel. */
  readonly local: Partial<Record<CommandId, () => void>>;
}

export const [face, provideFace] = createContext<Face>();

export const onMac = /Mac|iP(hone|ad|od)/.test(navigator.platform);
