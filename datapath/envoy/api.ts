import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** A configuration object of Envoy, in the JSON that Envoy's documentation shows (protobuf's JSON mapping). */
export type EnvoyJson = JsonObject;

/** Envoy's API by its descriptors: turns JSON into the messages that Envoy reads, and back. */
export type EnvoyApi = {
  /** @throws Error naming the field that the message does not have, or the value that does not fit. */
  encode(type: string, json: EnvoyJson): Uint8Array;
  /** Its fields in camel case; maps are objects, `google.protobuf.Any` is `{ typeUrl, value }`. */
  decode<T>(type: string, bytes: Uint8Array): T;
  /** Encodes what has the shape that {@link EnvoyApi.decode} returns. */
  encodeMessage(type: string, fields: object): Uint8Array;
};

/**
 * Reads a FileDescriptorSet as `datapath/envoy/descriptors` writes it.
 * @param path the file; its imports stand before those who import them.
 */
export function loadEnvoyApi(path: string): EnvoyApi {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(path)));
  return {
    encode: (type, json) => {
      const schema = schemaOf(registry, type);
      return toBinary(schema, fromJson(schema, json, { registry }));
    },
    decode: (type, bytes) => fromBinary(schemaOf(registry, type), bytes) as never,
    encodeMessage: (type, fields) => toBinary(schemaOf(registry, type), complete(registry, type, fields)),
  };
}

/** A short name for content, the same for the same bytes. */
export function contentVersion(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
}

function schemaOf(registry: FileRegistry, type: string): DescMessage {
  const schema = registry.getMessage(type);
  if (schema === undefined) throw new Error(`Envoy's descriptors have no message ${type}`);
  return schema;
}

/** Fills in what a message has besides the fields given, those of its own message fields included. */
function complete(registry: FileRegistry, type: string, fields: object): Message {
  const schema = schemaOf(registry, type);
  const message = fromBinary(schema, new Uint8Array()) as Message & Record<string, unknown>;
  for (const field of schema.fields) {
    const value = (fields as Record<string, unknown>)[field.localName];
    if (value === undefined) continue;
    const nested = field.fieldKind === 'message' || field.fieldKind === 'list' ? field.message : undefined;
    const fill = (one: unknown): unknown =>
      nested === undefined ? one : complete(registry, nested.typeName, one as object);
    message[field.localName] = Array.isArray(value) ? value.map(fill) : fill(value);
  }
  return message;
}
