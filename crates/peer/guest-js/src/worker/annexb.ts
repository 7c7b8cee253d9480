// The two forms of an H.264 frame: NAL units behind start codes (Annex B), which cross the socket, and behind their lengths
// (AVC, ISO/IEC 14496-15), which WebKitGTK's encoder and decoder have. Pure.

/** NAL unit types (ITU-T H.264, table 7-1). */
const SEQUENCE = 7;
const PICTURE = 8;
const TYPE = 0x1f;
const PREFIX = 4;

/** Turns lengths into start codes, in place; true if the frame brings its parameter sets along. */
export function annexB(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let complete = false;
  for (let at = 0; at + PREFIX < frame.byteLength; ) {
    const length = view.getUint32(at);
    view.setUint32(at, 1);
    if (((frame[at + PREFIX] ?? 0) & TYPE) === SEQUENCE) complete = true;
    at += PREFIX + length;
  }
  return complete;
}

/** Turns start codes into lengths. `parameters` is the decoder's description (AVCDecoderConfigurationRecord), if the frame has it. */
export function avc(frame: Uint8Array): {
  data: Uint8Array<ArrayBuffer>;
  parameters?: Uint8Array<ArrayBuffer>;
} {
  const units = unitsOf(frame);
  const data = new Uint8Array(units.reduce((size, unit) => size + PREFIX + unit.byteLength, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const unit of units) {
    view.setUint32(at, unit.byteLength);
    data.set(unit, at + PREFIX);
    at += PREFIX + unit.byteLength;
  }
  const parameters = describe(units);
  return parameters ? { data, parameters } : { data };
}

/** The parameter sets of a decoder's description, behind start codes. */
export function parametersOf(description: AllowSharedBufferSource): Uint8Array {
  const record = ArrayBuffer.isView(description)
    ? new Uint8Array(description.buffer, description.byteOffset, description.byteLength)
    : new Uint8Array(description);
  const parts: number[] = [];
  let at = 5;
  for (const mask of [TYPE, 0xff]) {
    const count = (record[at++] ?? 0) & mask;
    for (let index = 0; index < count; index++) {
      const length = ((record[at] ?? 0) << 8) | (record[at + 1] ?? 0);
      parts.push(0, 0, 0, 1, ...record.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return Uint8Array.from(parts);
}

function describe(units: Uint8Array[]): Uint8Array<ArrayBuffer> | undefined {
  const of = (type: number) => units.filter((unit) => ((unit[0] ?? 0) & TYPE) === type);
  const [sequence] = of(SEQUENCE);
  const pictures = of(PICTURE).slice(0, 0xff);
  if (!sequence || sequence.byteLength < 4 || pictures.length === 0) return undefined;
  const counted = (unit: Uint8Array) => [unit.byteLength >> 8, unit.byteLength & 0xff, ...unit];
  return Uint8Array.from([
    1,
    ...sequence.subarray(1, 4),
    // Lengths of four bytes, one sequence parameter set.
    0xff,
    0xe1,
    ...counted(sequence),
    pictures.length,
    ...pictures.flatMap(counted),
  ]);
}

/** The NAL units behind start codes of three or four bytes. */
function unitsOf(frame: Uint8Array): Uint8Array[] {
  const starts: number[] = [];
  for (let at = 2; at < frame.byteLength; ) {
    const byte = frame[at] ?? 0;
    if (byte > 1) at += 3;
    else if (byte === 1 && frame[at - 1] === 0 && frame[at - 2] === 0) {
      starts.push(at + 1);
      at += 3;
    } else at++;
  }
  return starts.flatMap((start, index) => {
    const next = starts[index + 1];
    let end = next === undefined ? frame.byteLength : next - 3;
    // A unit ends with a bit that is set.
    while (end > start && frame[end - 1] === 0) end--;
    return end > start ? [frame.subarray(start, end)] : [];
  });
}
