//! Servers with an engine: what is refused, and how the Python of the bridge is made, by the `uv` or `pip` of whoever runs the tests.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Serving, millhand, run};

#[test]
fn what_is_no_engine_is_refused_where_it_is_typed() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("page.md"), "# A page").unwrap();
    for (command, path) in [("serve", "."), ("notebook", "page.md")] {
        let mut command_line = millhand(home.path());
        command_line.current_dir(home.path()).args([command, path, "--port", "0", "--engine", "ray://head"]);
        let (output, stdout, stderr) = run(&mut command_line);
        assert_eq!((output.status.code(), stdout.as_str()), (Some(2), ""));
        let why = "`ray://head` has no `host:port`: write it as in `ray://10.0.0.5:6379`";
        assert!(stderr.contains(why), "{stderr}");
    }
    let (_, _, stderr) = run(millhand(home.path()).args(["serve", ".", "--engine-package", "numpy"]));
    assert!(stderr.contains("--engine <URL>"), "{stderr}");
}

/// A gateway asks whoever comes for its protocol; a server without an engine has none.
#[test]
fn servers_and_notebooks_have_a_gateway_if_they_have_an_engine() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("page.md"), "# A page").unwrap();
    let engine = ["--engine", "ray://127.0.0.1:1", "--python", "/nonexistent/python"];
    for (command, path) in [("serve", "."), ("notebook", "page.md")] {
        for (options, answer) in [(&[][..], "404 "), (&engine, "400 ")] {
            let mut command_line = millhand(home.path());
            command_line.current_dir(home.path()).args([command, path, "--port", "0"]).args(options);
            let serving = Serving::start(&mut command_line);
            assert_eq!(&serving.get("/millhand/gateway")[9..13], answer, "{command} {options:?}");
        }
    }
}

#[test]
fn without_uv_and_python_a_user_is_told_what_to_install() {
    let home = tempfile::tempdir().unwrap();
    let mut server =
        start(millhand(home.path()).args(["serve", ".", "--port", "0", "--engine", "ray://auto"]));
    let stderr = until(&mut server, "hint: ");
    assert!(
        stderr.contains("there is no `uv` and no `python3` of version 3.10 to 3.13 on the path"),
        "{stderr}"
    );
    assert!(stderr.contains("hint: install `uv`, or Python 3.10 to 3.13 with `pip`"), "{stderr}");
    end(server);
}

#[test]
fn the_doctor_says_what_the_first_start_will_install() {
    let home = tempfile::tempdir().unwrap();
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_millhand"));
    let (_, stdout, _) =
        run(doctor.args(["doctor", "--engine", "ray://auto", "--cache-dir"]).arg(home.path()));
    if stdout.contains("BAD   python") {
        eprintln!("skipped: there is no `uv` and no `python3`");
        return;
    }
    assert!(
        stdout.contains("note  ray      2.60.0 is not installed yet: the first `millhand serve"),
        "{stdout}"
    );
}

/// The installer is real; the Ray that it finds is an empty package, since the real one is large.
#[cfg(unix)]
#[test]
fn an_install_that_was_interrupted_is_made_anew_and_one_that_is_complete_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let wheels = home.path().join("wheels");
    std::fs::create_dir(&wheels).unwrap();
    let mut write = Command::new("python3");
    if !write.args(["-c", WRITE_WHEELS]).arg(&wheels).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no `python3`");
        return;
    }

    let index = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/simple", index.local_addr().unwrap());
    let mut command = with_engine(home.path());
    command.env_remove("PIP_NO_INDEX").env_remove("UV_NO_INDEX");
    let server = start(command.env("PIP_INDEX_URL", &url).env("UV_DEFAULT_INDEX", &url));
    // It asks, and gets no answer.
    let (mut question, _) = index.accept().unwrap();
    end(server);
    // Who has asked is gone.
    question.read_to_end(&mut Vec::new()).unwrap();
    drop(index);

    let mut server =
        start(with_engine(home.path()).env("PIP_FIND_LINKS", &wheels).env("UV_FIND_LINKS", &wheels));
    let stderr = until(&mut server, "Ray cannot be started here");
    assert!(stderr.contains("installing ray==") && stderr.contains("Ray is installed"), "{stderr}");
    end(server);

    let mut server = start(&mut with_engine(home.path()));
    let stderr = until(&mut server, "Ray cannot be started here");
    assert!(!stderr.contains("installing"), "{stderr}");
    end(server);
}

/// A server with an engine, and a Python that it makes of what is named beside: of no index, and of nothing that this user has set.
fn with_engine(home: &Path) -> Command {
    let mut command = millhand(home);
    for name in ["HOME", "PATH"] {
        // Whoever manages versions of Python may need both.
        command.env(name, std::env::var_os(name).unwrap_or_default());
    }
    for name in ["PIP_FIND_LINKS", "UV_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "UV_INDEX"] {
        command.env_remove(name);
    }
    command.env("PIP_CONFIG_FILE", "/dev/null").env("UV_NO_CONFIG", "1").env("UV_PYTHON_DOWNLOADS", "never");
    command.env("PIP_NO_INDEX", "1").env("UV_NO_INDEX", "1");
    command.args(["serve", ".", "--port", "0", "--engine", "ray://auto"]);
    command
}

const WRITE_WHEELS: &str = r#"
import sys, zipfile
for name, version in (("ray", "2.60.0"), ("virtualenv", "20.0")):
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}-{version}-py3-none-any.whl", "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
"#;

/// A server that has just been started, with what it says to stderr.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // A test that failed before the end must not leave a server behind.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Started {
    Started(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
}

/// What it says, until it says that; it ends with its stderr otherwise.
fn until(server: &mut Started, words: &str) -> String {
    let mut said = String::new();
    for line in BufReader::new(server.0.stderr.as_mut().unwrap()).lines() {
        said += &format!("{}\n", line.unwrap());
        if said.contains(words) {
            return said;
        }
    }
    panic!("it does not say `{words}`: {said}")
}

fn end(mut server: Started) {
    let pid = server.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}
