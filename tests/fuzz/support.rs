//! Shared by several targets.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex};

use axum::body::HttpBody as Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use release_governor::clock::Clock;
use release_governor::config::{self, Config};
use release_governor::github::{
    self, CachedResponse, Getting, GithubSettings, HttpService, Reader, ResponseCache, TokenSource,
    Writer,
};
use release_governor::messages;
use release_governor::store::CachePut;
use release_governor::telemetry::Metrics;
use tower::service_fn;

/// The token that is sent. No output may contain it.
pub const TOKEN: &str = "ghp_0123456789abcdefghijKLMNOPQRSTUVWXYZ";

pub const REPOSITORY: &str = "acme/shop";

/// The fixed current time.
pub fn now() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

/// A sha of forty times this digit.
pub fn sha(digit: char) -> String {
    digit.to_string().repeat(40)
}

/// Blocks on a future, on a runtime that all inputs share.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    });
    RUNTIME.block_on(work)
}

/// An HTTP response.
pub type Answer = Response<Full<Bytes>>;

/// A fake GitHub in this process. `answer` gets the number of the request, counted from 0.
pub fn connected(
    answer: impl Fn(usize, &http::request::Parts) -> Answer + Send + Sync + 'static,
) -> (Reader, Writer, Arc<Mutex<usize>>) {
    let asked: Arc<Mutex<usize>> = Arc::default();
    let (answer, count) = (Arc::new(answer), Arc::clone(&asked));
    let service = HttpService::new(service_fn(move |request: Request<_>| {
        let (parts, body) = request.into_parts();
        let number = {
            let mut count = count.lock().unwrap();
            *count += 1;
            *count - 1
        };
        let answer = answer(number, &parts);
        async move {
            whole(body).await;
            Ok::<_, Infallible>(answer)
        }
    }));
    let settings = GithubSettings {
        api_url: "https://api.github.com".to_owned(),
        token: TokenSource::Value(TOKEN.into()),
        max_requests_per_minute: 0,
        request_timeout: github::REQUEST_TIMEOUT,
    };
    let (clock, _) = Clock::manual(now(), 1);
    let metrics = Arc::new(Metrics::new());
    let cache = Arc::new(Memory::default());
    let (readers, writer) = github::connect(&settings, service, clock, cache, metrics).unwrap();
    (readers.of(&REPOSITORY.parse().unwrap()), writer, asked)
}

/// A write is sent only when its body is read.
async fn whole<B: Body>(body: B) {
    assert!(body.collect().await.is_ok(), "a body that breaks off");
}

/// A response cache for one input.
#[derive(Default)]
struct Memory(Mutex<Vec<(String, CachedResponse)>>);

impl ResponseCache for Memory {
    fn get<'a>(&'a self, key: &'a str) -> Getting<'a> {
        let known = self.0.lock().unwrap();
        let found = known.iter().rfind(|(one, _)| one == key).map(|(_, answer)| answer.clone());
        Box::pin(std::future::ready(found))
    }

    fn put(&self, key: &str, response: CachedResponse) -> CachePut {
        self.0.lock().unwrap().push((key.to_owned(), response));
        CachePut::Anew
    }
}

/// Fails if a line for people contains line breaks, or characters that make it display
/// differently.
#[track_caller]
pub fn is_one_line(text: &str) {
    assert!(messages::is_plain(text), "not one line as it reads: {text:?}");
}

/// Fails if a text contains the token that was sent.
#[track_caller]
pub fn shows_not_ours(text: &str) {
    assert!(!text.contains(TOKEN), "shows the token: {text:?}");
}

/// Fails if a text contains anything that looks like a token.
#[track_caller]
pub fn shows_no_token(text: &str) {
    shows_not_ours(text);
    let hidden = release_governor::domain::secrets::hide(text);
    assert_eq!(hidden, text, "shows what looks like a token");
}

/// The first line of an input, and the rest.
pub fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[]),
    }
}

/// Checks of HTML pages.
pub mod page {
    use super::is_one_line;

    /// The elements of our own templates.
    const ELEMENTS: &[&str] = &[
        "!doctype", "a", "body", "button", "code", "dd", "div", "dl", "dt", "footer", "form", "h1",
        "h2", "head", "header", "html", "input", "label", "li", "link", "main", "meta", "nav",
        "ol", "option", "p", "select", "span", "table", "tbody", "td", "th", "thead", "title",
        "tr",
    ];

    /// Fails if a page contains an element that our templates do not use, an attribute that
    /// runs or loads something, or a character that breaks a line or changes the text
    /// direction.
    pub fn is_harmless(page: &str) {
        page.lines().for_each(is_one_line);
        for element in page.split('<').skip(1) {
            let (tag, text) = element.split_once('>').expect("an element that ends");
            assert!(!text.contains('>'), "a bare > in {text:?}");
            let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
            let name = name.to_ascii_lowercase();
            assert!(name == "ul" || ELEMENTS.contains(&name.as_str()), "an element <{tag}>");
            assert!(tag.matches('"').count() % 2 == 0, "a quote in <{tag}>");
            for (place, part) in tag.split('"').enumerate() {
                let attribute = part.trim().trim_end_matches('=').to_ascii_lowercase();
                assert!(place % 2 == 1 || !attribute.starts_with("on"), "a script in <{tag}>");
                let is_link = place % 2 == 1 && tag.contains(&format!("href=\"{part}\""));
                let leads_on = (part.starts_with('/') && !part.starts_with("//"))
                    || part.starts_with("https://");
                assert!(!is_link || leads_on, "a link to {part}");
            }
        }
    }
}

/// One repository at a fake GitHub, and its governor.
pub mod story {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::Router;
    use ghbox::{GhBox, GhClock, Repo, story};
    use release_governor::bootstrap::{self, Dependencies};
    use release_governor::clock::{Clock, ManualTime};
    use release_governor::controller::Controller;
    use release_governor::github::HttpService;
    use release_governor::http;
    use release_governor::queries::ReadModel;
    use release_governor::store::Store;

    use super::{REPOSITORY, TOKEN, block_on, config, now};

    pub struct Story {
        pub repo: Repo,
        pub controller: Controller,
        time: ManualTime,
    }

    impl Story {
        pub fn new() -> Self {
            let (clock, time) = Clock::manual(now(), 1);
            let ticking = time.clone();
            let github =
                GhBox::new(GhClock::following(Arc::new(move || now() + ticking.elapsed())));
            let repo = story::repository(&github, REPOSITORY);
            github.add_token(TOKEN, story::GOVERNOR);
            let controller = block_on(async {
                let service = HttpService::new(github.service());
                let surroundings = Dependencies { service, clock, store: Store::in_memory() };
                bootstrap::controller(&config(), surroundings, true).unwrap()
            });
            Self { repo, controller, time }
        }

        /// Runs `passes` passes, two minutes apart.
        pub fn passes(&mut self, passes: usize) {
            for _ in 0..passes {
                self.time.advance(Duration::from_secs(120));
                // A pass that cannot read something fails and reports why.
                let _ = block_on(self.controller.pass(&REPOSITORY.parse().unwrap()));
            }
        }

        pub fn router(&self) -> Router {
            http::routes(ReadModel::on(self.controller.clone()))
        }
    }
}

/// A configuration with one repository.
pub fn config() -> Config {
    static CONFIG: LazyLock<Config> = LazyLock::new(|| {
        let path = std::env::temp_dir().join(format!("fuzz-{}.yaml", std::process::id()));
        let api = "github: {api_url: \"http://127.0.0.1:1\"}";
        std::fs::write(&path, format!("{api}\nrepositories: [{{name: {REPOSITORY}}}]")).unwrap();
        let token = ("GITHUB_TOKEN".to_owned(), TOKEN.to_owned());
        let config = config::load(&path, std::iter::once(token)).unwrap();
        std::fs::remove_file(path).unwrap();
        config
    });
    CONFIG.clone()
}
