/** What of autocannon's insides is used: its own types are of its command's options. */
declare module 'autocannon/lib/init.js' {
  import type { EventEmitter } from 'node:events';

  /** One connection. It ends when it has made `responseMax` requests and has the answer to the last. */
  type Client = { readonly reqsMade: number; responseMax: number; getRequestBuffer(): Buffer };

  type Options = {
    url: string;
    connections: number;
    /** Seconds. */
    duration: number;
    timeout: number;
    /** Milliseconds between two looks at whether all is over. */
    sampleInt: number;
    setupClient(client: Client): void;
  };

  type Outcome = { errors: number; timeouts: number; non2xx: number };

  export default function init(options: Options, done: (error: Error | null, outcome: Outcome) => void): EventEmitter;
}
