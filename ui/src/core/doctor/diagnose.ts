/**
 * The connection doctor's judgement: facts in, findings out, worst first. It looks at nothing itself; `media/doctor*` and
 * `examine.ts` do.
 */
import { onDevices } from "./devices";
import { onVoices } from "./echo";
import type { Facts } from "./facts";
import { type Finding, type Rule, SEVERITIES } from "./finding";
import { onLinks } from "./links";
import { onNetwork, onPath, onServer } from "./network";

const rules: readonly Rule[] = [onLinks, onServer, onNetwork, onPath, onDevices, onVoices];

export function diagnose(facts: Facts): readonly Finding[] {
  const findings = rules.flatMap((rule) => rule(facts));
  return SEVERITIES.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
}
