import { z } from 'zod';
import { Block } from './block.ts';
import { EvidenceRecord, Verification } from './evidence-record.ts';
import { Measurement } from './measurement.ts';
import { Encryption, Placement, Profile } from './vocabulary.ts';

/** What a test case came to. Which of the measured are valid is not recorded but computed, by validity.ts. */
export const Outcome = z.discriminatedUnion('state', [
  z.strictObject({
    state: z.literal('measured'),
    /** What was proven with a small known number of requests, before anything was measured and after. */
    verification: Verification,
    /** What all traffic of the blocks, warm-up included, did to the counters. */
    evidence: EvidenceRecord,
    /** In the order of their passes. An interrupted run has fewer than it was asked for, perhaps none. */
    blocks: z.array(Block),
    /** Why it was given up before its last block, in a sentence; null where it was not. */
    stopped: z.string().min(1).nullable(),
  }),
  /** The data plane does not support it, say. */
  z.strictObject({ state: z.literal('skipped'), reason: z.string().min(1) }),
  /** It could not be verified, say; what had been verified by then is kept. */
  z.strictObject({
    state: z.literal('failed'),
    reason: z.string().min(1),
    verification: Verification.nullable(),
  }),
]);
export type Outcome = z.infer<typeof Outcome>;

export const TestCase = z
  .strictObject({
    id: z.string(),
    /** The pool's name, which is the data plane's unless the same one runs twice. */
    dataPlane: z.string(),
    dataPlaneId: z.string(),
    variant: z.string().nullable(),
    profile: Profile,
    encryption: Encryption,
    placement: Placement,
    measurement: Measurement,
    /** What must be said beside every number of it. */
    caveats: z.array(z.string()),
    outcome: Outcome,
  })
  .refine((testCase) => testCase.id === testCaseId(testCase), {
    path: ['id'],
    error: 'the id must be dataPlane/profile/encryption/placement[/variant][/measurement/parameter=value…]',
  });
export type TestCase = z.infer<typeof TestCase>;

type Identity = {
  dataPlane: string;
  profile: Profile;
  encryption: Encryption;
  placement: Placement;
  variant: string | null;
  measurement: Pick<Measurement, 'label'>;
};

/**
 * The id of a test case: `sidecar/l7/mtls/cross-node`, then the variant where there is one, then what tells it from the
 * scenario's other measurements: `sidecarless/l4/none/same-node/shortcut/bulk/streams=4`.
 */
export function testCaseId({ dataPlane, profile, encryption, placement, variant, measurement }: Identity): string {
  const parts = [dataPlane, profile, encryption, placement, variant, measurement.label];
  return parts.filter((part) => part !== null).join('/');
}
