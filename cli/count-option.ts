/** Options that are a whole number: what is none is wrong usage, and the message says what was typed and what is right. */
import { InvalidArgumentError } from 'commander';

/** The parser of such an option, for both ends inclusive. */
export function countBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (count >= min && count <= max) return count;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}
