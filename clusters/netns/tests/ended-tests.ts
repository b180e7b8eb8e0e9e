import type { TestEvent } from 'node:test/reporters';

/** A reporter for node:test: a JSON object a line for each test and suite that has ended, as the events have it. */
export default async function* endedTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { name, nesting, file, details } = data;
    yield `${JSON.stringify({ name, nesting, file, details: { type: details.type, duration_ms: details.duration_ms } })}\n`;
  }
}
