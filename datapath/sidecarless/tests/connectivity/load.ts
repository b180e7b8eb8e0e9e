/**
 * A program for Node.js that sends requests one after the other, over one connection and over new ones, and prints what
 * became of them: {answered, failed, error}.
 */
export function loadProgram(url: string, milliseconds: number): string {
  return `
    const http = require('http'); const end = Date.now() + ${milliseconds};
    let answered = 0, failed = 0, error = '';
    const agents = [new http.Agent({ keepAlive: true, maxSockets: 1 }), new http.Agent({ keepAlive: false })];
    const next = (agent) => {
      if (Date.now() > end) return done();
      http.get('${url}', { agent, timeout: 15_000 }, (response) => {
        response.resume(); response.on('end', () => { answered++; next(agent); });
      }).on('error', (reason) => { failed++; error += String(reason) + '; '; next(agent); })
        .on('timeout', function () { this.destroy(new Error('timeout')); });
    };
    let running = agents.length;
    const done = () => {
      if (--running === 0) { console.log(JSON.stringify({ answered, failed, error })); process.exit(0); }
    };
    for (const agent of agents) next(agent);`;
}
