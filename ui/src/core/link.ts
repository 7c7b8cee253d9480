/** A room's link: `https://HOST/r/ROOM#SECRET` or `snug://HOST/r/ROOM#SECRET`. The secret never leaves the machine. */
export interface RoomLink {
  /** `http(s)://HOST[:PORT]` */
  readonly server: string;
  readonly roomId: string;
  /** 128 random bits, base64url; null for a room without one. */
  readonly secret: string | null;
}
