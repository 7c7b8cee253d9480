/** Signaling that Rust does: sessions live in the shell, the page holds their numbers. */
import { invoke } from "@tauri-apps/api/core";
import type { JoinRequest, Signaling, SignalingSession } from "../core/ports";
import type { ClientMessage } from "../generated/ClientMessage";
import type { SessionEvent } from "../generated/SessionEvent";

export class DesktopSignaling implements Signaling {
  private readonly sessions = new Map<number, (event: SessionEvent) => void>();
  /** Events that outran the answer to their own join. */
  private early = new Map<number, SessionEvent[]>();
  private joining = 0;
  private readonly underway = new Set<Promise<unknown>>();

  join(request: JoinRequest, onEvent: (event: SessionEvent) => void): SignalingSession {
    // Commands of one session run one after another, or an answer could overtake the offer before it.
    let last: Promise<number | null> = this.begin(request, onEvent);
    const then = (command: string, args: (sessionId: number) => Record<string, unknown>) => {
      last = last.then(async (sessionId) => {
        if (sessionId === null) return null;
        try {
          await invoke(command, args(sessionId));
        } catch (error) {
          console.error(`the shell refused ${command}`, error);
        }
        return sessionId;
      });
      this.track(last);
    };
    this.track(last);
    return {
      send: (message: ClientMessage) => then("send", (sessionId) => ({ sessionId, message })),
      leave: () => then("leave", (sessionId) => ({ sessionId })),
    };
  }

  /** Resolves when the shell has taken all that was asked of it. */
  async idle(): Promise<void> {
    while (this.underway.size > 0) await Promise.all(this.underway);
  }

  heard(sessionId: number, event: SessionEvent): void {
    const listener = this.sessions.get(sessionId);
    if (event.type === "ended") this.sessions.delete(sessionId);
    if (listener !== undefined) listener(event);
    // Without a join under way it belongs to a session that is over.
    else if (this.joining > 0) this.early.set(sessionId, [...(this.early.get(sessionId) ?? []), event]);
  }

  private track(work: Promise<unknown>): void {
    this.underway.add(work);
    // Nothing in here rejects: refusals are told where they happen.
    void work.finally(() => this.underway.delete(work));
  }

  private async begin(request: JoinRequest, onEvent: (event: SessionEvent) => void): Promise<number | null> {
    this.joining += 1;
    try {
      const sessionId = await invoke<number>("join", { request });
      this.sessions.set(sessionId, onEvent);
      for (const event of this.early.get(sessionId) ?? []) onEvent(event);
      this.early.delete(sessionId);
      return sessionId;
    } catch (error) {
      console.error("the shell refused to join", error);
      onEvent({ type: "ended", reason: "bad-join" });
      return null;
    } finally {
      this.joining -= 1;
      if (this.joining === 0) this.early.clear();
    }
  }
}
