//! `[gateway]`: the paths at which webhooks arrive.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use nabiz_core::time::Millis;

use super::diagnostics::Diagnostics;
use super::document::{Place, Table, Value};
use super::http::{TlsFiles, require_both};
use super::keys::gateway as keys;
use super::keys::gateway_path as path_keys;
use super::section::{Fields, Section, Visitor, with_defaults};
use super::webhook::{RecordKey, SecretSource, WebhookCheck};

/// Request headers that must not reach a topic.
const WITHHELD_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// `[gateway]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Address of the listener for webhooks.
    pub listen: SocketAddr,
    /// Address of the listener for health and metrics.
    pub metrics_listen: SocketAddr,
    /// The address by which the sources know the gateway, without a slash at its end.
    pub public_url: Option<String>,
    /// Files of the certificate of `listen`; plain HTTP where absent.
    pub tls: Option<TlsFiles>,
    /// Largest body of a request.
    pub max_body_bytes: usize,
    /// Most requests that are under way.
    pub max_in_flight: usize,
    /// Time within which a request is answered.
    pub timeout: Millis,
    /// The paths, at least one unless an error is reported.
    pub paths: Vec<GatewayPath>,
}

/// A path at which webhooks arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayPath {
    /// The path of the address.
    pub path: String,
    /// The topic that gets its records.
    pub topic: String,
    /// Where the key of a record is; records have none where absent.
    pub key: Option<RecordKey>,
    /// How a request is checked.
    pub check: WebhookCheck,
    /// The user of the check `basic`.
    pub user: Option<String>,
    /// Where the secret of the check is.
    pub secret: Option<SecretSource>,
    /// Request headers that each record gets, in addition to those of the check.
    pub headers: Vec<String>,
    /// Requests a second, also the most at once.
    pub requests_per_second: usize,
}

impl Fields for Gateway {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        let (mut certificate, mut key) =
            self.tls.take().map(|files| (files.certificate, files.key)).unzip();
        visitor.field(&keys::LISTEN, &mut self.listen);
        visitor.field(&keys::METRICS_LISTEN, &mut self.metrics_listen);
        visitor.field(&keys::PUBLIC_URL, &mut self.public_url);
        visitor.field::<Option<PathBuf>>(&keys::TLS_CERTIFICATE, &mut certificate);
        visitor.field::<Option<PathBuf>>(&keys::TLS_KEY, &mut key);
        visitor.field(&keys::MAX_BODY_BYTES, &mut self.max_body_bytes);
        visitor.field(&keys::MAX_IN_FLIGHT, &mut self.max_in_flight);
        visitor.field(&keys::TIMEOUT, &mut self.timeout);
        self.tls = certificate.zip(key).map(|(certificate, key)| TlsFiles { certificate, key });
    }
}

impl Fields for GatewayPath {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&path_keys::PATH, &mut self.path);
        visitor.field(&path_keys::TOPIC, &mut self.topic);
        visitor.field(&path_keys::KEY, &mut self.key);
        visitor.field(&path_keys::CHECK, &mut self.check);
        visitor.field(&path_keys::USER, &mut self.user);
        visitor.field(&path_keys::SECRET, &mut self.secret);
        visitor.field(&path_keys::HEADERS, &mut self.headers);
        visitor.field(&path_keys::REQUESTS_PER_SECOND, &mut self.requests_per_second);
    }
}

impl Gateway {
    /// Reads the section; `None` where the document has none.
    pub(super) fn read(diagnostics: &mut Diagnostics, document: &Table) -> Option<Self> {
        document.get(keys::SECTION.name)?;
        let mut section = Section::of_document(diagnostics, document, &keys::SECTION);
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut gateway = with_defaults(Gateway {
            listen: nowhere,
            metrics_listen: nowhere,
            public_url: None,
            tls: None,
            max_body_bytes: 0,
            max_in_flight: 0,
            timeout: Millis::ZERO,
            paths: Vec::new(),
        });
        gateway.visit(&mut section);
        gateway.public_url =
            gateway.public_url.map(|address| address.trim_end_matches('/').to_string());
        require_both(&mut section, &keys::TLS_CERTIFICATE, &keys::TLS_KEY);
        require_both(&mut section, &keys::TLS_KEY, &keys::TLS_CERTIFICATE);
        gateway.paths = read_paths(&mut section, gateway.public_url.is_some());
        Some(gateway)
    }
}

fn read_paths(section: &mut Section<'_, '_>, has_public_url: bool) -> Vec<GatewayPath> {
    let Some(node) = section.node(&keys::PATHS) else {
        return Vec::new();
    };
    let name = section.path(&keys::PATHS);
    let Value::List(tables) = &node.value else {
        section.report_unexpected(&keys::PATHS, "a list of tables");
        return Vec::new();
    };
    let mut seen: Vec<(String, &Place)> = Vec::new();
    let mut paths = Vec::new();
    for node in tables {
        let mut table = Section::of_node(section.diagnostics, node, &name, &path_keys::SECTION);
        let mut path = with_defaults(GatewayPath {
            path: String::new(),
            topic: String::new(),
            key: None,
            check: WebhookCheck::Token,
            user: None,
            secret: None,
            headers: Vec::new(),
            requests_per_second: 0,
        });
        path.visit(&mut table);
        let missing = [
            (table.node(&path_keys::PATH).is_none(), table.path(&path_keys::PATH)),
            (table.node(&path_keys::TOPIC).is_none(), table.path(&path_keys::TOPIC)),
            (table.node(&path_keys::CHECK).is_none(), table.path(&path_keys::CHECK)),
            (table.node(&path_keys::SECRET).is_none(), table.path(&path_keys::SECRET)),
        ];
        for (_, key) in missing.iter().filter(|(missing, _)| *missing) {
            table.diagnostics.report(&node.place, key, "missing: every path needs it");
        }
        check_path(&mut table, &path, has_public_url);
        if let Some((_, place)) = seen.iter().find(|(known, _)| *known == path.path) {
            let detail = format!("listed twice, first at {}", place.words());
            table.report_value(&path_keys::PATH, &detail);
        }
        if let Some(written) = table.node(&path_keys::PATH) {
            seen.push((path.path.clone(), &written.place));
        }
        paths.push(path);
    }
    paths
}

/// Reports what the keys of one path need of each other.
fn check_path(table: &mut Section<'_, '_>, path: &GatewayPath, has_public_url: bool) {
    let is_basic = path.check == WebhookCheck::Basic;
    match (is_basic, &path.user) {
        (true, None) => table.report_value(&path_keys::CHECK, "`basic` needs a `user`"),
        (false, Some(_)) => {
            table.report_value(&path_keys::USER, "only check = \"basic\" has a user");
        }
        _ => {}
    }
    if path.check == WebhookCheck::Twilio && !has_public_url {
        let detail = "Twilio signs the address, so gateway.public_url is needed too";
        table.report_value(&path_keys::CHECK, detail);
    }
    for (header, node) in table.items(&path_keys::HEADERS) {
        let is_withheld = WITHHELD_HEADERS.iter().any(|name| name.eq_ignore_ascii_case(&header));
        let is_name = header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let key = table.path(&path_keys::HEADERS);
        if !is_name || is_withheld {
            let expected = "the name of a header that is no credential, such as \"X-Request-Id\"";
            table.diagnostics.report_unexpected(node, &key, expected);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const TOML: &str = "[kafka]\nbrokers = 'one:9092'\n[gateway]\nlisten = '0.0.0.0:80'\n\
        public_url = 'https://hooks.example.org/nabiz/'\n\
        [[gateway.paths]]\npath = '/calls'\ntopic = 'calls'\ncheck = 'twilio'\n\
        key = { field = 'CallSid' }\nsecret = { file = '/run/secrets/twilio' }\n\
        [[gateway.paths]]\npath = '/pbx'\ntopic = 'pbx'\ncheck = 'basic'\nuser = 'pbx'\n\
        key = { pointer = ['/a/id', '/id'] }\nsecret = { env = 'PBX' }\nheaders = ['X-Id']\n";

    fn config(toml: &str) -> Result<Config, String> {
        let config = Config::parse(toml, "nabiz.toml", std::iter::empty());
        config.map_err(|error| error.to_string())
    }

    #[test]
    fn printed_gateway_loads_to_the_same_one() {
        let gateway = config(TOML).unwrap().gateway.unwrap();
        assert_eq!(gateway.public_url.as_deref(), Some("https://hooks.example.org/nabiz"));
        let printed = config(TOML).unwrap().to_toml();
        for line in [
            "secret = { file = \"/run/secrets/twilio\" }",
            "key = { field = \"CallSid\" }",
            "secret = { env = \"PBX\" }",
            "key = { pointer = [\"/a/id\", \"/id\"] }",
        ] {
            assert!(printed.lines().any(|printed| printed == line), "{printed}\nhas no {line}");
        }
        assert_eq!(config(&printed).unwrap().gateway, Some(gateway));
        assert_eq!(config("[kafka]\nbrokers = 'one:9092'\n").unwrap().gateway, None);
    }

    #[test]
    fn mistake_is_named_without_the_secret() {
        let cases = [
            ("{ env = 'PBX' }", "'sesame'", "nabiz.toml:18: gateway.paths.secret: expected"),
            ("{ env = 'PBX' }", "{ text = 'sesame' }", "gateway.paths.secret: expected"),
            ("secret = { env = 'PBX' }\n", "", "gateway.paths.secret: missing"),
            ("topic = 'pbx'\n", "", "gateway.paths.topic: missing"),
            (
                "public_url = 'https://hooks.example.org/nabiz/'\n",
                "",
                "gateway.public_url is needed",
            ),
            (
                "https://hooks.example.org/nabiz/",
                "hooks.example.org",
                "gateway.public_url: expected",
            ),
            ("user = 'pbx'\n", "", "`basic` needs a `user`"),
            ("check = 'twilio'\n", "check = 'zammad'\nuser = 'x'\n", "only check = \"basic\""),
            ("'/pbx'", "'/calls'", "listed twice, first at line 7"),
            ("'/pbx'", "'/pbx?x=1'", "gateway.paths.path: expected"),
            ("'X-Id'", "'Authorization'", "gateway.paths.headers: expected"),
            ("['/a/id', '/id']", "['id']", "gateway.paths.key: expected"),
            ("listen = '0.0.0.0:80'", "tls_key = '/x'", "gateway.tls_certificate is needed too"),
        ];
        for (from, to, expected) in cases {
            let error = config(&TOML.replace(from, to)).expect_err(to);
            assert!(error.contains(expected), "{error}\nhas no {expected}");
            assert!(!error.contains("sesame"), "{error}");
        }
    }
}
