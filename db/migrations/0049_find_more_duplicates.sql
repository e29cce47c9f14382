-- Possible duplicates are found by more than one spelling of an address: by the file, and by what is claimed. Units of types that nothing is
-- counted in are free.

-- The address behind its spellings: letter case of the host, the scheme, its usual port, a slash at the end, a place within the page and what
-- only says where a visitor came from lead nowhere else. A fragment that is a path, as of pages that are programs, does.
create function address_key(address text) returns text language sql immutable parallel safe as $$
  select lower(substring(bare from '^[^/?]*')) || regexp_replace(substring(bare from '^[^/?]*(.*)$'), '/+(?=$|\?)', '')
  from (
    select regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(address,
      '#(?![/!]).*$', ''),
      '(?<=[?&])utm_[^&#]*(&|(?=#|$))', '', 'g'),
      '[?&]+(?=#|$)', ''),
      '^https?://', '', 'i'),
      '^([^/?]*):(80|443)(?=/|\?|$)', '\1') as bare
  ) as stripped
$$;

-- A title however it is spaced and written in capitals.
create function title_key(title text) returns text language sql immutable parallel safe as $$
  select lower(regexp_replace(btrim(title), '\s+', ' ', 'g'))
$$;

create index outcome_evidence_address_idx on outcome_evidence using hash (address_key(uri));
drop index outcome_reference_url_idx;
create index outcome_reference_address_idx on outcome_reference using hash (address_key(url));
create index outcome_title_idx on outcome using hash (title_key(title));
create index outcome_amount_idx on outcome (amount);

-- A type counts in one unit among the outcomes that stand; what was taken back keeps the unit that it had, and binds nobody.
alter table outcome drop constraint outcome_outcome_type_unit_fkey;

-- A pod is told that finance has something to answer before its outcome is verified, though the other outcome is not its own: that there is one, and
-- whether it counts, no more. Without this its own record would say that nothing is missing.
drop policy pod_reads_its_duplicates on outcome_duplicate;
create policy pod_reads_its_duplicates on outcome_duplicate for select to outturn_pod
using (exists (
  select from outcome_share where outcome_share.outcome_id in (outcome_duplicate.outcome_id, outcome_duplicate.other_id)));

create function is_counted_outcome(asked bigint) returns boolean language sql stable security definer
set search_path = public, pg_temp as $$
  select coalesce((
    select state in ('claimed', 'in_review', 'verified', 'partially_verified', 'review_due') from outcome where id = asked), false)
$$;
revoke all on function is_counted_outcome(bigint) from public;
grant execute on function is_counted_outcome(bigint) to outturn_pod;
