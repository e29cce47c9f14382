/** Which files are kept as evidence: the name and the content must say the same, and nothing that is run or rendered is taken. */
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { EVIDENCE_BYTES_MAX, recogniseFile } from '../../services/evidence/recognise-file.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const office = (...parts: readonly string[]) =>
  Buffer.from(zipSync(Object.fromEntries(['[Content_Types].xml', ...parts].map((part) => [part, bytes('<x/>')]))));

const KEPT: readonly (readonly [name: string, content: Buffer, mediaType: string])[] = [
  ['results.PDF', bytes('%PDF-1.7\n…'), 'application/pdf'],
  ['chart.png', bytes('\x89PNG\r\n\x1a\n....'), 'image/png'],
  ['photo.jpeg', bytes('\xff\xd8\xff\xe0....'), 'image/jpeg'],
  ['photo.webp', bytes('RIFF....WEBPVP8 '), 'image/webp'],
  ['sums.csv', Buffer.from('\ufeffpod,Betrag\ncheckout,"1,5 €"\n'), 'text/csv'],
  ['notes.md', Buffer.from('# Prüfung\r\n\tgut'), 'text/plain'],
  ['answer.json', bytes('{"ok":true}'), 'application/json'],
  ['sums.xlsx', office('xl/workbook.xml'), 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
];

const REFUSED: readonly (readonly [name: string, content: Buffer, reason: RegExp])[] = [
  ['page.html', bytes('<!doctype html>'), /must end in/],
  ['drawing.svg', bytes('<svg xmlns="…">'), /must end in/],
  ['run.exe', bytes('MZ....'), /must end in/],
  ['results', bytes('%PDF-1.7'), /must end in/],
  ['results.pdf', bytes('<script>alert(1)</script>'), /is not application\/pdf/],
  ['sums.csv', bytes('  <script>alert(1)</script>'), /is not text\/csv/],
  ['notes.txt', bytes('#!/bin/sh\nrm'), /is not text\/plain/],
  ['notes.txt', bytes('a\0b'), /is not text\/plain/],
  ['notes.txt', bytes('\xff\xfeb'), /is not text\/plain/],
  ['sums.xlsx', bytes('PK\x03\x04....META-INF/MANIFEST.MF'), /is not application/],
  ['sums.xlsx', office('xl/workbook.xml', 'xl/vbaProject.bin'), /is not application/],
  ['sums.xlsx', bytes('PK\x03\x04 [Content_Types].xml xl/workbook.xml'), /is not application/],
  ['sums.xlsx', office('word/document.xml'), /is not application/],
  ['chart.png', bytes('\xff\xd8\xff\xe0....'), /is not image\/png/],
  ['empty.txt', Buffer.alloc(0), /is empty/],
  ['large.txt', Buffer.alloc(EVIDENCE_BYTES_MAX + 1, 'a'), /more than the 10485760/],
  ['../results.pdf', bytes('%PDF-1.7'), /cannot be the name/],
  ['results\u202Efdp.pdf', bytes('%PDF-1.7'), /cannot be the name/],
  ['results.pdf\r\nset-cookie: a=b', bytes('%PDF-1.7'), /cannot be the name/],
];

describe('a file', () => {
  test('that is what its name says is kept under its type', () => {
    for (const [name, content, mediaType] of KEPT) expect(recogniseFile(name, content), name).toEqual({ mediaType });
  });

  test('that is not, or that something would run or render, is refused with the reason', () => {
    for (const [name, content, reason] of REFUSED) {
      expect(() => recogniseFile(name, content), name).toThrow(reason);
    }
  });

  test('of the largest size is kept', () => {
    expect(recogniseFile('large.txt', Buffer.alloc(EVIDENCE_BYTES_MAX, 'a'))).toEqual({ mediaType: 'text/plain' });
  });
});
