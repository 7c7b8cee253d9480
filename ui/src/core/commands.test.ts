import { describe, expect, it } from "vitest";
import {
  type CommandId,
  commandAt,
  commands,
  commandsOn,
  keyAria,
  keyText,
  type ScreenName,
  spell,
  wayOn,
} from "./commands";
import { languages } from "./words";

const screens: ScreenName[] = ["home", "lobby", "call", "after", "trouble"];
const stroke = { key: "", code: "", ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

describe("the registry of commands", () => {
  it.each(screens)("gives no key twice on %s", (screen) => {
    const keys = commandsOn(screen).flatMap(({ key }) => (key === null ? [] : [key]));
    expect(keys).toEqual([...new Set(keys)]);
  });

  it("files every command under its own id, with a name in both languages", () => {
    for (const [id, command] of Object.entries(commands)) {
      expect(command.id).toBe(id);
      for (const { words } of Object.values(languages)) {
        expect(words.commands[command.word]).toBeTruthy();
        if (command.whenOn !== undefined) expect(words.commands[command.whenOn.word]).toBeTruthy();
      }
    }
  });

  it("asks a modifier for every key that would otherwise be typed", () => {
    const bare = Object.values(commands).filter(({ key }) => key !== null && !key.startsWith("mod+"));
    expect(bare.map(({ id }) => id).sort()).toEqual(["hold-to-talk", "home"] satisfies CommandId[]);
  });

  it("leads on from a trouble only by a command of that screen", () => {
    for (const id of Object.values(wayOn)) expect(commands[id].on).toContain("trouble");
  });
});

describe("keystrokes", () => {
  it("spells Control elsewhere and Command on a Mac", () => {
    expect(spell({ ...stroke, key: "d", code: "KeyD", ctrlKey: true }, false)).toBe("mod+d");
    expect(spell({ ...stroke, key: "d", code: "KeyD", metaKey: true }, true)).toBe("mod+d");
    expect(spell({ ...stroke, key: "d", code: "KeyD", ctrlKey: true }, true)).toBeNull();
  });

  it("knows capitals, other alphabets and lone modifiers", () => {
    expect(spell({ ...stroke, key: "H", code: "KeyH", ctrlKey: true, shiftKey: true }, false)).toBe(
      "mod+shift+h",
    );
    expect(spell({ ...stroke, key: "в", code: "KeyD", ctrlKey: true }, false)).toBe("mod+d");
    expect(spell({ ...stroke, key: "Control", code: "ControlLeft", ctrlKey: true }, false)).toBeNull();
    expect(spell({ ...stroke, key: " ", code: "Space" }, false)).toBe("space");
  });

  it("finds the command of the screen that is up", () => {
    expect(commandAt("home", "mod+enter")?.id).toBe("start-room");
    expect(commandAt("lobby", "mod+enter")?.id).toBe("join");
    expect(commandAt("home", "mod+d")).toBeNull();
  });

  it("shows keys as people and as assistive technology read them", () => {
    expect(keyText("mod+shift+h", false)).toBe("Ctrl+Shift+H");
    expect(keyText("mod+shift+h", true)).toBe("⇧⌘H");
    expect(keyText("mod+comma", false)).toBe("Ctrl+,");
    expect(keyAria("mod+shift+h", false)).toBe("Control+Shift+H");
    expect(keyAria("mod+comma", true)).toBe("Meta+,");
  });
});
