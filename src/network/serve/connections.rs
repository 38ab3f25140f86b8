//! The open connections of a listener: how many there may be, how long each may keep the server
//! waiting, and which one is closed when there is no room for another.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;

/// Connections at once: probes, a scraper or two, and people with browsers. Each may buffer a
/// request of 32 KiB.
const MOST_CONNECTIONS: usize = 256;
/// Connections at once of one address. Behind an ingress many people share one; idle connections
/// make room for theirs.
const MOST_OF_A_PEER: usize = 64;
/// How long a client may take to send a request, or to read an answer. Scrapers and browsers
/// connect anew after that.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection is closed for nobody until it was looked at for so long: what a probe sends at once
/// is read by then.
const YOUNG: Duration = Duration::from_millis(50);
/// How often a place is looked for: for a fifth of a second.
const MOST_TRIES: u32 = 4;
/// Bytes of answers that clients have not read yet, of all connections together. The metrics of
/// 10,000 repositories have some 20 MB.
const MOST_UNREAD: usize = 48 * 1024 * 1024;

/// The open connections of one listener.
pub(super) struct Connections {
    clock: Clock,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, Open>,
}

struct Open {
    peer: Option<IpAddr>,
    /// When the server began to read from it, by the monotonic clock; none until then. On a busy
    /// machine that can be long after it was accepted.
    read_since: Option<Duration>,
    /// Since when it could be closed for another, by the monotonic clock; none while it may not
    /// be.
    waits_since: Option<Duration>,
    /// Bytes of its answer that the client has not read.
    unread: usize,
    close: Arc<Notify>,
}

impl Table {
    /// Closes the connection that has asked or been answered longest ago, of those that `which`
    /// chooses and that are not kept.
    fn close_oldest(&mut self, which: impl Fn(u64, &Open) -> bool) -> bool {
        let waiting = self.open.iter().filter(|(id, one)| which(**id, one));
        let oldest = waiting.filter_map(|(id, one)| Some((one.waits_since?, *id))).min();
        let closed = oldest.and_then(|(_, id)| self.open.remove(&id));
        if let Some(closed) = &closed {
            closed.close.notify_one();
        }
        closed.is_some()
    }

    fn of_peer(&self, peer: Option<IpAddr>) -> usize {
        self.open.values().filter(|one| one.peer == peer).count()
    }

    fn unread(&self) -> usize {
        self.open.values().map(|one| one.unread).sum()
    }
}

impl Connections {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, table: Mutex::default() })
    }

    /// A place for a new connection, once there is one. Until then others wait to be accepted: a
    /// flood of connections is taken no faster than what they ask for is read.
    pub(super) async fn place(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<ConnectionSlot> {
        for _ in 0..MOST_TRIES {
            if let Some(place) = self.admit(peer) {
                return Some(place);
            }
            self.clock.sleep(YOUNG).await;
        }
        None
    }

    /// A place for a new connection, for which the oldest idle one is closed where there is no
    /// room; none where every other connection is being answered, or is young.
    fn admit(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<ConnectionSlot> {
        let now = self.clock.monotonic();
        let is_old =
            |one: &Open| one.read_since.is_some_and(|since| now.saturating_sub(since) >= YOUNG);
        let mut table = self.table();
        if peer.is_some() && table.of_peer(peer) >= MOST_OF_A_PEER {
            table.close_oldest(|_, one| one.peer == peer && is_old(one)).then_some(())?;
        }
        if table.open.len() >= MOST_CONNECTIONS {
            table.close_oldest(|_, one| is_old(one)).then_some(())?;
        }
        let id = table.next;
        table.next = table.next.saturating_add(1);
        let close = Arc::new(Notify::new());
        let waits_since = Some(now);
        let (unread, read_since) = (0, None);
        let open = Open { peer, read_since, waits_since, unread, close: Arc::clone(&close) };
        table.open.insert(id, open);
        Some(ConnectionSlot { id, peer, close, connections: Arc::clone(self) })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place. It is given up when this is dropped.
pub(super) struct ConnectionSlot {
    id: u64,
    peer: Option<IpAddr>,
    close: Arc<Notify>,
    connections: Arc<Connections>,
}

impl ConnectionSlot {
    /// Whether its address tells nothing of its client.
    pub(super) const fn has_no_peer(&self) -> bool {
        self.peer.is_none()
    }

    /// The server begins to read from the connection.
    pub(super) fn begins(&self) {
        let now = self.connections.clock.monotonic();
        if let Some(open) = self.connections.table().open.get_mut(&self.id) {
            open.read_since = Some(now);
        }
    }

    /// A request has arrived. Where it is kept, the connection is closed for nobody while the
    /// server makes its answer.
    pub(super) fn asked(&self, is_kept: bool) {
        let now = self.connections.clock.monotonic();
        if let Some(open) = self.connections.table().open.get_mut(&self.id) {
            open.waits_since = (!is_kept).then_some(now);
        }
    }

    /// An answer of so many bytes is the client's to read. Where clients leave too much unread,
    /// those that do so longest are closed.
    pub(super) fn answered(&self, bytes: usize) {
        let now = self.connections.clock.monotonic();
        let mut table = self.connections.table();
        if let Some(open) = table.open.get_mut(&self.id) {
            open.waits_since = Some(now);
            open.unread = bytes;
        }
        while table.unread() > MOST_UNREAD
            && table.close_oldest(|id, one| id != self.id && one.unread > 0)
        {}
    }

    /// The client has read its answer.
    pub(super) fn read(&self) {
        let now = self.connections.clock.monotonic();
        if let Some(open) = self.connections.table().open.get_mut(&self.id) {
            open.waits_since = open.waits_since.map(|_| now);
            open.unread = 0;
        }
    }

    /// Completes when the connection is to be closed: for another's sake, or because its client
    /// takes too long.
    pub(super) async fn lost(&self) {
        tokio::select! {
            () = self.close.notified() => {}
            () = self.expired() => {}
        }
    }

    async fn expired(&self) {
        let clock = &self.connections.clock;
        loop {
            let waits_since = match self.connections.table().open.get(&self.id) {
                Some(open) => open.waits_since,
                None => return,
            };
            let waited = waits_since.map(|since| clock.monotonic().saturating_sub(since));
            let left = CLIENT_TIMEOUT.saturating_sub(waited.unwrap_or_default());
            if left.is_zero() {
                return;
            }
            clock.sleep(left).await;
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::clock::ManualTime;

    fn connections() -> (Arc<Connections>, ManualTime) {
        let (clock, time) = Clock::manual("2026-11-01T12:00:00Z".parse().unwrap(), 1);
        (Connections::new(clock), time)
    }

    fn peer(number: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, number]))
    }

    /// A connection that the server reads from.
    fn admitted(connections: &Arc<Connections>, peer: Option<IpAddr>) -> ConnectionSlot {
        let place = connections.admit(peer).unwrap();
        place.begins();
        place
    }

    fn is_closed(place: &ConnectionSlot) -> bool {
        let notified = pin!(place.close.notified());
        notified.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_oldest_idle_connection_makes_room_and_one_that_is_being_answered_never_does() {
        let (connections, time) = connections();
        let mut places = Vec::new();
        for number in 0..MOST_CONNECTIONS {
            time.advance(Duration::from_millis(1));
            let peer = peer(u8::try_from(number / MOST_OF_A_PEER).unwrap());
            places.push(admitted(&connections, peer));
        }
        time.advance(YOUNG);
        places[0].asked(true);
        let one_more = admitted(&connections, peer(9));
        assert!(!is_closed(&places[0]) && is_closed(&places[1]) && !is_closed(&places[2]));
        places[2].asked(true);
        places[2].answered(10);
        let another = admitted(&connections, peer(9));
        assert!(!is_closed(&places[2]) && is_closed(&places[3]), "it began to wait later");
        for place in places.iter().chain([&one_more, &another]) {
            place.asked(true);
        }
        assert!(connections.admit(peer(9)).is_none(), "whoever is answered stays");
    }

    #[test]
    fn a_peer_that_has_all_of_its_connections_loses_its_own_oldest() {
        let (connections, time) = connections();
        let other = admitted(&connections, peer(2));
        let mut places = Vec::new();
        for _ in 0..=MOST_OF_A_PEER {
            time.advance(YOUNG);
            places.push(admitted(&connections, peer(1)));
        }
        assert!(!is_closed(&other) && is_closed(&places[0]) && !is_closed(&places[1]));
        for place in &places[1..] {
            place.asked(true);
        }
        assert!(connections.admit(peer(1)).is_none(), "all are being answered");
        drop(places);
        assert!(connections.admit(peer(1)).is_some());
    }

    #[test]
    fn a_connection_that_the_server_has_not_read_from_makes_no_room() {
        let (connections, time) = connections();
        let accepted: Vec<ConnectionSlot> =
            (0..MOST_OF_A_PEER).map(|_| connections.admit(peer(1)).unwrap()).collect();
        time.advance(YOUNG * 2);
        assert!(connections.admit(peer(1)).is_none(), "a probe among them would go unanswered");
        accepted.iter().for_each(ConnectionSlot::begins);
        time.advance(YOUNG);
        assert!(connections.admit(peer(1)).is_some());
    }

    #[test]
    fn who_leaves_most_unread_longest_is_closed_first() {
        let (connections, time) = connections();
        let places: Vec<ConnectionSlot> = (0..4).map(|n| admitted(&connections, peer(n))).collect();
        for place in &places[..3] {
            time.advance(Duration::from_secs(1));
            place.asked(true);
            place.answered(MOST_UNREAD / 2);
        }
        assert!(is_closed(&places[0]) && !is_closed(&places[1]));
        places[1].read();
        places[3].asked(true);
        places[3].answered(MOST_UNREAD / 2);
        assert!(!is_closed(&places[1]) && !is_closed(&places[2]) && !is_closed(&places[3]));
    }
}
