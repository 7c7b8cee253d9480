// What all connections of the page share.
import { Link } from "../link";
import { Media } from "../media/media";
import { Sources } from "../media/sources";
import type { ChannelEvent } from "../wire";
import type { Heard } from "../worker/messages";
import { allowVideo } from "./capabilities";

/** What a connection hears from the media worker. */
export interface MediaListener {
  receiving(transceiver: number): void;
  heard(transceiver: number, heard: Heard): void;
  channelMessage(channel: number, data: string | ArrayBuffer): void;
  channelEvent(event: ChannelEvent): void;
}

export interface Runtime {
  link: Link;
  media: Media;
  sources: Sources;
  listeners: Map<number, MediaListener>;
}

let current: Runtime | undefined;

export async function startRuntime(): Promise<Runtime> {
  const link = await Link.open();
  const listeners = new Map<number, MediaListener>();
  const media = await Media.start(link.socketUrl, {
    receiving: (pc, transceiver) => listeners.get(pc)?.receiving(transceiver),
    heard: (pc, transceiver, heard) => listeners.get(pc)?.heard(transceiver, heard),
    channelMessage: (pc, channel, data) => listeners.get(pc)?.channelMessage(channel, data),
    channelEvent: (event) => listeners.get(event.pc)?.channelEvent(event),
  });
  allowVideo(media.codecs);
  current = { link, media, sources: new Sources(media), listeners };
  return current;
}

export function runtime(): Runtime {
  if (!current) throw new DOMException("install() has not finished", "InvalidStateError");
  return current;
}
