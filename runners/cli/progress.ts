import type { Writable } from 'node:stream';
import ora from 'ora';

/** Tells a person what happens now, and how long is left: in place on a terminal, a line for each step elsewhere. */
export type Progress = {
  step(message: string, secondsLeft?: number | null): void;
  /** Ends the line that is shown in place; what follows starts on a line of its own. */
  end(): void;
};

/** Progress on a stream; a terminal gets one line that changes. */
export function createProgress(stream: Writable): Progress {
  const terminal = 'isTTY' in stream && stream.isTTY === true;
  if (!terminal) {
    let last = '';
    return {
      step(message, secondsLeft) {
        const line = withTimeLeft(message, secondsLeft);
        if (message !== last) stream.write(`${line}\n`);
        last = message;
      },
      end: () => undefined,
    };
  }
  const spinner = ora({ stream: stream as NodeJS.WriteStream, discardStdin: false });
  return {
    step(message, secondsLeft) {
      spinner.text = withTimeLeft(message, secondsLeft);
      if (!spinner.isSpinning) spinner.start();
    },
    end: () => void spinner.stop(),
  };
}

function withTimeLeft(message: string, secondsLeft: number | null | undefined): string {
  if (secondsLeft === null || secondsLeft === undefined) return message;
  const seconds = Math.max(0, Math.round(secondsLeft));
  const text = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${message} (about ${text} left)`;
}
