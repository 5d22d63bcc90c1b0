//! Where each row of an audience goes, and how it gets there: over buckets on the disk that are each small enough to be
//! put in order in memory.
use std::io::{self, Read};

use bytes::Bytes;
use whatsapp_store::AudienceRow;

use super::{
    BATCH, FIRST_SEQ,
    error::AudienceError,
    hand_out::{Lanes, NO_LANE, breathe},
    permutation::Permutation,
    port::{Batch, Sink},
    runs::{Entry, Files, Written},
};

/// One lane's part of the order.
struct LaneOrder {
    lane: i32,
    permutation: Permutation,
    /// Before its first row, all lanes counted through.
    offset: u64,
}

/// Where each row goes.
pub(super) struct Order {
    /// By number of the lane, and so by offset.
    lanes: Vec<LaneOrder>,
    /// From a verdict, less 1, to its place in `lanes`.
    places: Vec<usize>,
    pub(super) rows: u64,
    /// Rows in each bucket but the last.
    bucket: u64,
}

impl Order {
    pub(super) fn new(key: &[u8; 32], lanes: &Lanes) -> Self {
        let (mut order, mut rows) = (Vec::new(), 0);
        let mut places = vec![0; lanes.rows.len()];
        for (size, verdict) in lanes.sizes().into_iter().zip(lanes.places.values()) {
            places[usize::from(*verdict)] = order.len();
            let permutation = Permutation::new(key, size.lane, size.rows);
            order.push(LaneOrder { lane: size.lane, permutation, offset: rows });
            rows += u64::from(size.rows);
        }
        let bucket = rows.div_ceil(lanes.buckets() as u64).max(1);
        Self { lanes: order, places, rows, bucket }
    }

    /// Brings each row into the bucket of its place.
    pub(super) async fn scatter(
        &self,
        mut runs: Written,
        verdicts: &mut Written,
        mut buckets: Files,
    ) -> io::Result<Written> {
        let mut counts = vec![0; self.lanes.len()];
        if let Some(mut verdicts) = verdicts.reader(0)? {
            for part in 0..runs.len() {
                self.scatter_part(&mut runs, part, &mut verdicts, &mut counts, &mut buckets).await?;
                runs.forget(part);
            }
        }
        buckets.finish()
    }

    async fn scatter_part(
        &self,
        runs: &mut Written,
        part: usize,
        verdicts: &mut (impl Read + Send),
        counts: &mut [u32],
        buckets: &mut Files,
    ) -> io::Result<()> {
        let Some(mut reader) = runs.reader(part)? else { return Ok(()) };
        let (mut entry, mut verdict, mut read) = (Entry::default(), [0; 2], 0);
        while entry.read(&mut reader)? {
            verdicts.read_exact(&mut verdict)?;
            if let Some(place) = u16::from_le_bytes(verdict).checked_sub(NO_LANE + 1) {
                let lane = self.places[usize::from(place)];
                let place =
                    self.lanes[lane].offset + u64::from(self.lanes[lane].permutation.place(counts[lane]));
                counts[lane] += 1;
                // From here on, what is known of its origin is its place.
                entry.line = place;
                entry.raw.clear();
                entry.write(buckets.writer((place / self.bucket) as usize)?)?;
            }
            read += 1;
            if read % BATCH == 0 {
                breathe().await;
            }
        }
        Ok(())
    }

    /// Hands the rows of a bucket on, in the order of their places.
    pub(super) async fn emit(
        &self,
        buckets: &mut Written,
        bucket: usize,
        consent: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), AudienceError> {
        let (bytes, starts) = self.load(buckets, bucket).map_err(AudienceError::Temporary)?;
        let first = bucket as u64 * self.bucket;
        let mut entry = Entry::default();
        let mut batch: Option<Batch> = None;
        for (place, start) in (first..).zip(starts) {
            let (lane, seq) = self.seq(place);
            entry.read(&mut &bytes[start..]).map_err(AudienceError::Temporary)?;
            let row = AudienceRow {
                address: entry.address(),
                consent: consent.to_owned(),
                variables: Bytes::copy_from_slice(&entry.variables),
            };
            if let Some(full) = batch.take_if(|batch| batch.lane != lane || batch.rows.len() == BATCH) {
                sink.add(full).await.map_err(AudienceError::Sink)?;
            }
            batch.get_or_insert(Batch { lane, first_seq: seq, rows: Vec::new() }).rows.push(row);
        }
        if let Some(last) = batch {
            sink.add(last).await.map_err(AudienceError::Sink)?;
        }
        breathe().await;
        Ok(())
    }

    /// A bucket's bytes, and where each of its rows begins, by place. Every place is there once.
    fn load(&self, buckets: &mut Written, bucket: usize) -> io::Result<(Vec<u8>, Vec<usize>)> {
        let first = bucket as u64 * self.bucket;
        let mut bytes = Vec::new();
        let mut starts = vec![usize::MAX; (self.rows.saturating_sub(first)).min(self.bucket) as usize];
        if let Some(mut reader) = buckets.reader(bucket)? {
            reader.read_to_end(&mut bytes)?;
        }
        buckets.forget(bucket);
        let (mut rest, mut entry) = (bytes.as_slice(), Entry::default());
        loop {
            let start = bytes.len() - rest.len();
            if !entry.read(&mut rest)? {
                break;
            }
            let place = usize::try_from(entry.line.wrapping_sub(first)).unwrap_or(usize::MAX);
            *starts.get_mut(place).ok_or(io::ErrorKind::InvalidData)? = start;
        }
        if starts.contains(&usize::MAX) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((bytes, starts))
    }

    /// The lane and the place in it of a place in all.
    fn seq(&self, place: u64) -> (i32, u32) {
        let lane = self.lanes.partition_point(|lane| lane.offset <= place) - 1;
        let lane = &self.lanes[lane];
        (lane.lane, FIRST_SEQ + u32::try_from(place - lane.offset).unwrap_or(u32::MAX - FIRST_SEQ))
    }
}
