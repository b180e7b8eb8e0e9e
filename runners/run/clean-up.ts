/**
 * Does the work and cleans up in any case, and only when the work is over to its last line. Where both fail the work's
 * error is thrown, and the other one told.
 */
export async function withCleanUp<T>(
  work: () => Promise<T>,
  cleanUp: () => Promise<void>,
  tell: (error: Error) => void,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await cleanUp().catch(tell);
    throw error;
  }
  await cleanUp();
  return result;
}
