import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tlsHandshakes } from './tls-statistics.ts';

const scope = 'cluster.outbound_workload_8080';
const of = (statistics: Record<string, number>) =>
  tlsHandshakes(new Map(Object.entries(statistics).map(([name, value]) => [`${scope}.ssl.${name}`, value])), scope);

test('handshakes are told by version and cipher', () => {
  const statistics = {
    handshake: 5,
    'versions.TLSv1.3': 4,
    'versions.TLSv1.2': 1,
    'ciphers.TLS_AES_128_GCM_SHA256': 3,
    'ciphers.TLS_AES_256_GCM_SHA384': 2,
  };
  assert.deepEqual(of(statistics), { all: 5, ofVersion: 4, ofCipher: 3 });
});

test('before the first handshake there are none of any version, and of none there is a statistic', () => {
  assert.deepEqual(of({ handshake: 0 }), { all: 0, ofVersion: 0, ofCipher: 0 });
});

test('of none of the right version, there is another one', () => {
  assert.deepEqual(of({ handshake: 1, 'versions.TLSv1.2': 1, 'ciphers.OLD': 1 }), {
    all: 1,
    ofVersion: 0,
    ofCipher: 0,
  });
});

test('versions and ciphers that do not come to all handshakes have other names by now', () => {
  assert.deepEqual(of({ handshake: 2, 'version.TLSv1.3': 2, 'ciphers.TLS_AES_128_GCM_SHA256': 1 }), {
    all: 2,
    ofVersion: null,
    ofCipher: null,
  });
  assert.deepEqual(of({}), { all: null, ofVersion: null, ofCipher: null });
  assert.deepEqual(tlsHandshakes(null, scope), { all: null, ofVersion: null, ofCipher: null });
});
