/** What somebody who looks at a connector by hand pastes: into a shell, and into an organisation file of its own. */
export function printSource(environment: string, source: string): void {
  console.log(`${environment}

organisation: Acme
sources:
  - { ${source} }
`);
}
