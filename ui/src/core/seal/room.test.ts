import { describe, expect, test } from "vitest";
import { PATIENCE } from "./channel";
import { codeOf } from "./code";
import { hearClear, listenAnew, type News, presence, strangers, wait, withCode } from "./room";
import { type Member, type Sent, World } from "./world";

function meeting(...names: string[]) {
  const world = new World();
  const members = names.map((name) => {
    const member = world.join(name);
    world.settle();
    return member;
  });
  return { world, members: members as [Member, Member, Member] };
}

const words = (news: readonly News[]) =>
  news.map((each) =>
    each.is === "state"
      ? `${each.name} ${each.muted.join()}`.trim()
      : each.signal.kind === "candidates"
        ? ""
        : (/s=(.*)\r/.exec(each.signal.sdp)?.[1] ?? ""),
  );

describe("an honest server", () => {
  test("three meet: all have shown the key, know each other's names and see one code", () => {
    const { members } = meeting("Ann", "Ben", "Cleo");
    for (const member of members) {
      expect(Object.values(member.trust())).toEqual(["sealed", "sealed"]);
      expect(member.room.alarms).toEqual([]);
      expect(member.room.gathered.split("\n")).toHaveLength(3);
    }
    expect(new Set(members.map(({ room }) => room.gathered)).size).toBe(1);
    expect(words(members[0].news)).toEqual(["Ben", "Cleo"]);
    expect(words(members[2].news)).toEqual(["Ann", "Ben"]);
    expect(members[2].news).toMatchObject([
      { first: true, earlier: true },
      { first: true, earlier: true },
    ]);
    expect(members[0].news).toMatchObject([
      { first: true, earlier: false },
      { first: true, earlier: false },
    ]);
  });

  test("signals and mutes arrive, in order", () => {
    const { world, members } = meeting("Ann", "Ben", "Cleo");
    const [ann, ben, cleo] = members;
    ann.signals(ben.seat, "offer");
    ann.mutes("audio");
    ann.signals(ben.seat, "again");
    world.settle();
    expect(words(ben.news).slice(-3)).toEqual(["offer", "Ann audio", "again"]);
    expect(words(cleo.news).slice(-1)).toEqual(["Ann audio"]);
  });

  test("one who mutes while another is coming is muted for it", () => {
    const { world, members } = meeting("Ann");
    const ben = world.join("Ben");
    for (const { from, to, data } of world.seize()) world.at(to)?.hears(from, data);
    members[0].mutes("video");
    for (let more = world.seize(); more.length > 0; more = world.seize()) {
      for (const { from, to, data } of more) world.at(to)?.hears(from, data);
    }
    expect(words(ben.news).at(-1)).toBe("Ann video");
  });

  test("who leaves takes its part of the code along; alone there is none", () => {
    const { world, members } = meeting("Ann", "Ben", "Cleo");
    const [ann, ben, cleo] = members;
    const before = ann.room.gathered;
    world.leave(cleo);
    expect(ann.room.gathered).not.toBe(before);
    expect(ann.room.gathered).toBe(ben.room.gathered);
    world.leave(ben);
    expect(ann.room.gathered).toBe("");
  });

  test("after a restart of the server all meet anew, with new sessions and without alarm", () => {
    const { world, members } = meeting("Ann", "Ben");
    const [ann, ben] = members;
    const old = ann.room.own.s;
    ann.take(world.newSeat(), []);
    ben.take(world.newSeat(), [ann.seat]);
    ann.meets(ben.seat);
    world.settle();
    expect(ann.room.own.s).not.toBe(old);
    expect([...ann.room.alarms, ...ben.room.alarms]).toEqual([]);
    expect(ann.trust()).toEqual({ [ben.seat]: "sealed" });
    expect(ann.room.gathered).toBe(ben.room.gathered);
  });

  test("a code that was made for others than those who are here now is not shown", () => {
    const [ann] = meeting("Ann", "Ben").members;
    const code = codeOf(new Uint8Array(16));
    expect(withCode(ann.room, "of old", code).code).toBeNull();
    expect(withCode(ann.room, ann.room.gathered, code).code).toBe(code);
  });
});

describe("one without the key", () => {
  test("gets a hello and nothing else, and is known as one after a while", () => {
    const { world, members } = meeting("Ann");
    const [ann] = members;
    ann.meets("eve");
    expect(world.sent.map(({ to }) => to)).toEqual(["eve"]);
    ann.signals("eve", "offer");
    ann.mutes("audio");
    expect(world.sent).toHaveLength(1);
    expect(strangers(wait(ann.room, PATIENCE))).toEqual([]);
    expect(wait(ann.room, PATIENCE)).toBe(ann.room);
    expect(strangers(wait(ann.room, PATIENCE + 1)).map(({ seat }) => seat)).toEqual(["eve"]);
  });

  test("is given time while it is away, or while our own line is down", () => {
    const [ann] = meeting("Ann").members;
    ann.meets("ben");
    const away = presence(ann.room, "ben", true, 0);
    expect(strangers(wait(away, 10 * PATIENCE))).toEqual([]);
    const back = presence(away, "ben", false, 10 * PATIENCE);
    expect(strangers(wait(back, 11 * PATIENCE))).toEqual([]);
    expect(strangers(wait(listenAnew(back, 20 * PATIENCE), 21 * PATIENCE))).toEqual([]);
    expect(strangers(wait(back, 12 * PATIENCE))).toHaveLength(1);
  });

  test.each([{ sealed: { v: 1, s: "x" } }, { chat: "hello" }, null])(
    "says %j and is known at once",
    (data) => {
      const [ann] = meeting("Ann").members;
      ann.meets("eve");
      ann.hears("eve", data);
      expect(ann.trust()).toEqual({ eve: "no-key" });
      expect(ann.room.alarms).toEqual([]);
    },
  );

  test("may still turn out to have it", () => {
    const world = new World();
    const ann = world.join("Ann");
    const ben = world.join("Ben");
    ann.room = hearClear(ann.room, ben.seat);
    expect(ann.trust()).toEqual({ [ben.seat]: "no-key" });
    world.settle();
    expect(ann.trust()).toEqual({ [ben.seat]: "sealed" });
  });
});

describe("a malicious server", () => {
  test("replays what was said, and is noticed", () => {
    const { world, members } = meeting("Ann", "Ben");
    const [ann, ben] = members;
    ann.signals(ben.seat, "offer");
    world.settle();
    const before = [...ben.news];
    for (const { from, to, data } of world.sent) if (to === ben.seat) ben.hears(from, data);
    expect(ben.news).toEqual(before);
    expect(ben.room.alarms).toEqual(["replayed"]);
  });

  test("delivers to another seat, or in another's name, and is noticed", () => {
    const { world, members } = meeting("Ann", "Ben", "Cleo");
    const [ann, ben, cleo] = members;
    ann.signals(ben.seat, "offer");
    const [offer] = world.seize() as [Sent];
    cleo.hears(ann.seat, offer.data);
    expect(cleo.room.alarms).toEqual(["forged"]);
    ben.hears(cleo.seat, offer.data);
    expect(ben.room.alarms).toEqual(["forged"]);
    ben.hears("nobody", offer.data);
    expect(words([...ben.news, ...cleo.news])).not.toContain("offer");
  });

  test("holds letters back, and is noticed by the next one", () => {
    const { world, members } = meeting("Ann", "Ben");
    const [ann, ben] = members;
    ann.mutes("audio");
    world.seize();
    ann.signals(ben.seat, "offer");
    world.settle();
    expect(ben.room.alarms).toEqual(["missing"]);
    expect(words(ben.news).at(-1)).toBe("offer");
  });

  test("changes the order: the overtaken letter is not heard any more", () => {
    const { world, members } = meeting("Ann", "Ben");
    const [ann, ben] = members;
    ann.signals(ben.seat, "one");
    ann.signals(ben.seat, "two");
    const [one, two] = world.seize() as [Sent, Sent];
    ben.hears(two.from, two.data);
    ben.hears(one.from, one.data);
    expect(words(ben.news).slice(-1)).toEqual(["two"]);
    expect(ben.room.alarms).toEqual(["missing", "replayed"]);
  });

  test("puts an old call on the same seats: nobody is taken for present", () => {
    const { world, members } = meeting("Ann", "Ben");
    const [ann, ben] = members;
    const old = world.sent.filter(({ to }) => to === ann.seat);
    // Ann comes back, is given her old seat, and is shown the old Ben.
    ann.take(ann.seat, []);
    ann.meets(ben.seat);
    world.seize();
    const known = ann.news.length;
    for (const { from, data } of old) ann.hears(from, data);
    expect(ann.news).toHaveLength(known);
    expect(ann.trust()).toEqual({ [ben.seat]: "checking" });
    expect(ann.room.alarms).toEqual(["replayed"]);
    expect(world.seize().every(({ to }) => to === ben.seat)).toBe(true);
  });

  test("plays an old hello before the true one: the true one counts", () => {
    const { world, members } = meeting("Ann", "Ben");
    const [ann, ben] = members;
    const oldHello = world.sent.find(({ to }) => to === ann.seat) as Sent;
    const [annSeat, benSeat] = [ann.seat, ben.seat];
    ann.take(annSeat, []);
    ben.take(benSeat, [annSeat]);
    ann.meets(benSeat);
    ann.hears(benSeat, oldHello.data);
    world.settle();
    expect(ann.trust()).toEqual({ [benSeat]: "sealed" });
    expect(ben.trust()).toEqual({ [annSeat]: "sealed" });
    expect(ann.room.alarms).toEqual(["replayed"]);
    expect(ann.room.gathered).toBe(ben.room.gathered);
  });

  test("hands an insider's description to somebody: another certificate is refused", () => {
    const { world, members } = meeting("Ann", "Ben");
    const [ann, ben] = members;
    const other = "cd".repeat(32);
    const { own } = ann.room;
    const session = ann.room.channels[0]?.sessions[0];
    world.post(
      { from: own.peerId, to: ben.seat, s: own.s, r: session?.s ?? "", n: (session?.sent ?? 0) + 1 },
      JSON.stringify({ type: "signal", signal: ann.signal("mine", other) }),
    );
    world.settle();
    expect(ben.room.alarms).toEqual(["fingerprint"]);
    expect(words(ben.news)).not.toContain("mine");
  });

  test("with an insider between two people: their codes differ", () => {
    const [world, other] = [new World(), new World()];
    const ann = world.join("Ann");
    world.join("Ben, it says");
    world.settle();
    const ben = other.join("Ben");
    other.join("Ann, it says");
    other.settle();
    expect(ann.room.gathered).not.toBe(ben.room.gathered);
  });

  test("one who has shown the key never speaks in clear", () => {
    const { members } = meeting("Ann", "Ben");
    const [ann, ben] = members;
    const room = hearClear(ann.room, ben.seat);
    expect(room.alarms).toEqual(["clear"]);
    expect(room.channels).toEqual(ann.room.channels);
  });
});

/** Whatever a server does with sealed letters, what is heard was said, now, by that seat, to this one, in order and once. */
describe("a server that does what it likes", () => {
  test.each(Array.from({ length: 150 }, (_, i) => i + 1))("seed %i", (seed) => {
    const dice = roll(seed);
    const { world, members } = meeting("Ann", "Ben", "Cleo");
    const said = new Map<string, string[]>();
    const heardAt = new Map<Member, number>(members.map((member) => [member, member.news.length]));
    const waiting: Sent[] = [];
    for (let step = 0; step < 120; step++) {
      const speaker = dice.of(members);
      const listener = dice.of(members.filter((member) => member !== speaker));
      const line = `${speaker.name} to ${listener.name}`;
      switch (dice.upTo(6)) {
        case 0:
        case 1: {
          const word = `${line} ${step}`;
          speaker.signals(listener.seat, word);
          said.set(line, [...(said.get(line) ?? []), word]);
          break;
        }
        // Honest for once.
        case 2:
        case 3: {
          const next = waiting.shift();
          if (next !== undefined) world.at(next.to)?.hears(next.from, next.data);
          break;
        }
        // Out of its order, or never.
        case 4: {
          const [taken] = waiting.splice(dice.upTo(waiting.length), 1);
          if (taken !== undefined && dice.upTo(2) === 0) world.at(taken.to)?.hears(taken.from, taken.data);
          break;
        }
        // Again, to whom it likes, in whose name it likes.
        case 5: {
          const any = dice.of(world.sent);
          const [from, to] = dice.upTo(2) === 0 ? [any.from, any.to] : [speaker.seat, listener.seat];
          world.at(to)?.hears(from, any.data);
          break;
        }
      }
      waiting.push(...world.seize());
    }
    for (const member of members) {
      const heard = words(member.news.slice(heardAt.get(member)));
      for (const other of members) {
        const line = `${other.name} to ${member.name}`;
        const words = heard.filter((word) => word.startsWith(line));
        const all = said.get(line) ?? [];
        expect(all.filter((word) => words.includes(word))).toEqual(words);
        // What is missing from the middle was noticed.
        const gaps = words.length > 0 && all.indexOf(words.at(-1) ?? "") >= words.length;
        if (gaps) expect(member.room.alarms).toContain("missing");
      }
      expect(heard.every((word) => members.some(({ name }) => word.startsWith(name)))).toBe(true);
      expect(Object.values(member.trust())).toEqual(["sealed", "sealed"]);
    }
  });
});

function roll(seed: number) {
  let state = seed * 2654435761;
  const upTo = (limit: number) => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return limit === 0 ? 0 : (state >>> 0) % limit;
  };
  const of = <T>(list: readonly T[]): T => list[upTo(list.length)] as T;
  return { upTo, of };
}
