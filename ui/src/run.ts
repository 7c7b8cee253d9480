/**
 * Drives the page's machine: events in, effects out, the view told. It decides nothing.
 */
import { type App, type AppEvent, type Effect, newApp, type Sealing, update } from "./core/app";
import { toHex } from "./core/bytes";
import type { Aside } from "./core/call";
import { formatLink, type Parsed, RANDOM_BYTES, type RoomLink } from "./core/link";
import { recall } from "./core/memory";
import type { Host, Media, MediaEvent, RoomKey, SignalingSession } from "./core/ports";
import { project } from "./core/project";
import { share } from "./core/share";
import type { Actions, AppView, Readable } from "./core/view-model";
import type { SessionEvent } from "./generated/SessionEvent";
import { Post } from "./platform/post";

export interface Page {
  readonly view: Readable<AppView>;
  readonly actions: Actions;
  /** For the inspection of tests. */
  state(): App;
}

export interface PageParts {
  readonly host: Host;
  /** `milestone` names a point of the join under way. */
  media(tell: (event: MediaEvent) => void, milestone: (point: number, name: string) => void): Media;
  /** The system's languages, most wanted first. */
  readonly languages: readonly string[];
  /** Told of every step: the event, the states around it, and what came of it. It may not dispatch. */
  readonly observe?: Observe;
}

export type Observe = (before: App, event: AppEvent, after: App, effects: readonly Effect[]) => void;

export function run({ host, media: makeMedia, languages, observe }: PageParts): Page {
  let app = newApp(recall(host.storage, languages), {
    defaultServer: host.defaultServer,
    identity: newId(),
  });
  let view = project(app, host.kind, host.version);
  let session: SignalingSession | null = null;
  let sealed: { readonly key: RoomKey; readonly post: Post } | null = null;
  const traces = new Traces(host);
  const listeners = new Set<(view: AppView) => void>();
  const media = makeMedia(
    (event) => dispatch({ type: "media", event }),
    (point, name) => traces.mark(point, name),
  );

  function dispatch(event: AppEvent): void {
    const [next, effects] = update(app, event);
    observe?.(app, event, next, effects);
    app = next;
    for (const effect of effects) perform(effect);
    const shown = share(view, project(app, host.kind, host.version));
    if (shown === view) return;
    view = shown;
    for (const listener of listeners) listener(view);
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case "join":
        join(effect);
        break;
      case "leave":
        session?.leave();
        session = null;
        break;
      case "send":
        session?.send(effect.message);
        break;
      case "seal":
        if (session !== null) sealed?.post.send(session, effect.header, effect.text);
        break;
      case "make-code":
        makeCode(effect.gathered);
        break;
      case "open-link":
        media.openLink(effect.key, effect);
        break;
      case "rebind-link":
        media.rebindLink(effect.key, effect.polite, effect.iceServers);
        break;
      case "close-link":
        media.closeLink(effect.key);
        break;
      case "signal":
        media.signal(effect.key, effect.signal);
        break;
      case "wish":
        media.wish(effect.wish);
        break;
      case "retry-devices":
        media.retryDevices();
        break;
      case "chime":
        media.chime(effect.chime);
        break;
      case "save":
        host.storage.write(effect.key, effect.value);
        break;
      case "show-link":
        host.setTitle(effect.link === null ? "Snug" : `${effect.link.roomId} · Snug`);
        host.showLink(effect.link);
        break;
    }
  }

  function join({ request, seal }: Extract<Effect, { do: "join" }>): void {
    const { joinId } = request;
    traces.mark(2, "core/call");
    sealed = null;
    host
      .ensurePeerConnection()
      .then(() => (seal === null ? null : unlock(request.roomId, seal)))
      .then(
        (unlocked) => {
          // It may have been given up meanwhile.
          if (!isJoining(joinId)) return;
          traces.mark(3, "platform");
          const hear = (event: SessionEvent, aside: Aside | null) =>
            dispatch({ type: "session", joinId, event, aside, now: Date.now() });
          if (unlocked === null) {
            session = host.signaling.join(request, (event) => hear(event, null));
            return;
          }
          const { key, fingerprint, name } = unlocked;
          const post = new Post({ key, fingerprint, seat, deliver: hear });
          sealed = { key, post };
          session = host.signaling.join({ ...request, name }, (event) => post.take(event));
        },
        (error: unknown) => {
          const type = error instanceof NoCryptography ? "no-cryptography" : "no-peer-connection";
          console.error(type, error);
          if (isJoining(joinId)) dispatch({ type });
        },
      );
  }

  /** What a sealed room needs before anything is said in it. */
  async function unlock(roomId: string, { secret, name }: Sealing) {
    if (host.vault === null) throw new NoCryptography("this page may not use cryptography");
    const [key, fingerprint] = await Promise.all([host.vault.open(secret, roomId), media.certify()]);
    return { key, fingerprint, name: name === "" ? null : await key.sealName(name) };
  }

  function seat(): string | null {
    return app.screen.at === "call" ? (app.screen.call.seal?.own.peerId ?? null) : null;
  }

  function makeCode(gathered: string): void {
    sealed?.key.makeCode(gathered).then(
      (bytes) => dispatch({ type: "code", gathered, bytes }),
      (error: unknown) => console.error("the code to compare cannot be made", error),
    );
  }

  function isJoining(joinId: string): boolean {
    return app.screen.at === "lobby" && app.screen.joining?.joinId === joinId;
  }

  const beginJoin = (event: (joinId: string) => AppEvent) => dispatch(event(traces.begin()));
  const now = () => Date.now();
  const actions: Actions = {
    startRoom: () =>
      dispatch({ type: "start-room", random: crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)) }),
    openLink: (text) => dispatch({ type: "open-text", text }),
    openRoom: (link) => dispatch({ type: "open-link", link }),
    forgetRoom: (link) => dispatch({ type: "forget-room", link }),
    setServer: (text) => dispatch({ type: "set-server", text }),
    setName: (name) => dispatch({ type: "set-name", name }),
    setLang: (lang) => dispatch({ type: "set-lang", lang }),
    setTheme: (theme) => dispatch({ type: "set-theme", theme }),
    setSounds: (on) => dispatch({ type: "set-sounds", on }),
    join: () => beginJoin((joinId) => ({ type: "join", joinId })),
    leave: () => dispatch({ type: "leave", now: now() }),
    rejoin: () => beginJoin((joinId) => ({ type: "rejoin", joinId })),
    goHome: () => dispatch({ type: "go-home", now: now() }),
    toggleMicrophone: () => dispatch({ type: "toggle", kind: "microphone" }),
    toggleCamera: () => dispatch({ type: "toggle", kind: "camera" }),
    holdToTalk: (held) => dispatch({ type: "talk", held }),
    chooseDevice: (kind, deviceId) => dispatch({ type: "choose-device", kind, deviceId }),
    retryDevice: (kind) => dispatch({ type: "retry-device", kind }),
    testSpeaker: () => media.testSpeaker(),
    copyLink: () => copyLink(),
    answerKnock: (admit) => dispatch({ type: "answer-knock", admit }),
    dismissNotice: () => dispatch({ type: "dismiss-notice" }),
    attach: (element, stream) => media.attach(element, stream),
  };

  function copyLink(): void {
    const { screen } = app;
    const link = screen.at === "call" ? screen.call.link : screen.at === "lobby" ? screen.link : null;
    if (link === null) return;
    host.copyText(formatLink(link)).then(
      () => dispatch({ type: "notify", word: "link-copied" }),
      (error: unknown) => {
        console.warn("the link cannot be copied", error);
        dispatch({ type: "notify", word: "link-copy-failed" });
      },
    );
  }

  const opened = (link: Parsed<RoomLink>, joinAtOnce: boolean) => {
    if (!link.ok) dispatch({ type: "bad-link", problem: link.problem });
    else if (joinAtOnce) beginJoin((joinId) => ({ type: "join-link", link: link.value, joinId }));
    else dispatch({ type: "open-link", link: link.value });
  };
  host.onLink(opened);
  host.onNetworkChange(() => media.networkChanged());
  // The others see it at once, and not when the grace period is over.
  host.onClose(() => dispatch({ type: "leave", now: now() }));
  if (host.firstLink !== null) opened(host.firstLink, host.joinAtOnce);
  // Ready before it is needed; a failure is told when it is.
  host.ensurePeerConnection().catch(() => {});

  return {
    view: {
      subscribe(listener) {
        listeners.add(listener);
        listener(view);
        return () => listeners.delete(listener);
      },
    },
    actions,
    state: () => app,
  };
}

class NoCryptography extends Error {}

/** Not `randomUUID`, which pages do not have that came over plain http from another machine. */
function newId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(16)));
}

/** The page's points of one join, each marked once. */
class Traces {
  joinId: string | null = null;
  private readonly marked = new Set<number>();

  constructor(private readonly host: Host) {}

  begin(): string {
    this.joinId = newId();
    this.marked.clear();
    this.mark(1, "view/lobby");
    return this.joinId;
  }

  mark(point: number, name: string): void {
    if (this.joinId === null || this.marked.has(point)) return;
    this.marked.add(point);
    this.host.trace(this.joinId, point, name, performance.timeOrigin + performance.now());
  }
}
