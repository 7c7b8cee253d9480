/** The laboratory's name service: answers A questions for two names (RFC 1035), and knows no others. */
import { createSocket } from "node:dgram";
import { NAME, NAME_OF_BOTH, OTHER_SERVER, SERVER } from "./lab.mjs";

const names = { [NAME]: [SERVER], [NAME_OF_BOTH]: [SERVER, OTHER_SERVER] };
const HEAD = 12;

const socket = createSocket("udp4");
socket.on("message", (asked, from) => socket.send(answer(asked), from.port, from.address));
socket.bind(53, SERVER, () => console.log("ready"));

function answer(asked) {
  const labels = [];
  let at = HEAD;
  for (let size = asked[at]; size > 0; size = asked[at]) {
    labels.push(asked.toString("latin1", at + 1, at + 1 + size));
    at += 1 + size;
  }
  const question = asked.subarray(HEAD, at + 5);
  const kind = asked.readUInt16BE(at + 1);
  const known = names[labels.join(".").toLowerCase()];
  const addresses = kind === 1 ? (known ?? []) : [];
  const head = Buffer.alloc(HEAD);
  asked.copy(head, 0, 0, 2);
  // An authoritative answer; 3 says that there is no such name.
  head.writeUInt16BE(0x8580 | (known === undefined ? 3 : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) => {
    const record = Buffer.alloc(16);
    record.writeUInt16BE(0xc000 | HEAD, 0);
    record.writeUInt16BE(1, 2);
    record.writeUInt16BE(1, 4);
    // Good for a second: who asks again hears what is so now.
    record.writeUInt32BE(1, 6);
    record.writeUInt16BE(4, 10);
    record.set(address.split(".").map(Number), 12);
    return record;
  });
  return Buffer.concat([head, question, ...records]);
}
