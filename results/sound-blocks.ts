import type { Block } from './block.ts';
import type { Outcome } from './test-case.ts';

/** The blocks that figures are made of: those that the machine has not spoiled. None of what was not measured. */
export function soundBlocks(outcome: Outcome): readonly Block[] {
  return blocksOf(outcome).filter(({ spoiled }) => spoiled === null);
}

/** The blocks that the machine has spoiled: kept and shown, and in no figure. */
export function spoiledBlocks(outcome: Outcome): readonly Block[] {
  return blocksOf(outcome).filter(({ spoiled }) => spoiled !== null);
}

function blocksOf(outcome: Outcome): readonly Block[] {
  return outcome.state === 'measured' ? outcome.blocks : [];
}
