//! `deploy/Dockerfile`.

use super::{CONFIG, PORT, PROGRAM, STATE, USER, assert_pinned, root, text};

/// Instructions and their arguments; continued lines are joined.
fn instructions() -> Vec<(String, String)> {
    let joined = text("deploy/Dockerfile").replace("\\\n", " ");
    let lines =
        joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once(' ').unwrap_or_else(|| panic!("{line}")))
        .map(|(name, argument)| (name.to_owned(), argument.trim().to_owned()))
        .collect()
}

/// Returns the only argument of an instruction.
fn only(name: &str) -> String {
    let found: Vec<String> = instructions()
        .into_iter()
        .filter(|(known, _)| known == name)
        .map(|(_, argument)| argument)
        .collect();
    match &found[..] {
        [one] => one.clone(),
        _ => panic!("{name} is there {} times", found.len()),
    }
}

#[test]
fn instructions_are_known_and_images_pinned() {
    let mut images = 0;
    for (name, argument) in instructions() {
        match name.as_str() {
            "FROM" => {
                assert_pinned(argument.split(' ').next().unwrap_or_default());
                images += 1;
            }
            "WORKDIR" | "COPY" | "RUN" | "USER" | "VOLUME" | "EXPOSE" | "STOPSIGNAL"
            | "ENTRYPOINT" | "CMD" => {}
            other => panic!("{other} is not an instruction of this file"),
        }
    }
    assert_eq!(images, 2, "one to build, one to run");
    let rust: toml::Table = text("Cargo.toml").parse().expect("TOML");
    let package = &rust["workspace"]["package"];
    let version = package["rust-version"].as_str().expect("a version").to_owned();
    assert!(
        text("deploy/Dockerfile").contains(&format!("FROM rust:{version}.")),
        "the image builds with Rust {version}"
    );
}

#[test]
fn image_runs_the_program_as_an_unprivileged_user() {
    assert_eq!(only("USER"), USER.to_string());
    assert_eq!(only("EXPOSE"), PORT.to_string());
    assert_eq!(only("VOLUME"), STATE);
    assert_eq!(
        instructions().iter().rfind(|(name, _)| name == "WORKDIR").map(|(_, path)| path.as_str()),
        Some(STATE)
    );
    assert_eq!(only("STOPSIGNAL"), "SIGTERM");
    assert_eq!(only("ENTRYPOINT"), format!(r#"["{PROGRAM}"]"#));
    assert_eq!(only("CMD"), format!(r#"["serve", "--config", "{CONFIG}"]"#));
    let runs = instructions()
        .into_iter()
        .filter(|(name, _)| name == "RUN")
        .map(|(_, run)| run)
        .collect::<String>();
    assert!(
        runs.contains(&format!("--uid {USER} ")) && runs.contains(&format!("-m 0750 {STATE}")),
        "{runs}"
    );
}

#[test]
fn copied_files_exist_and_are_sent_to_the_builder() {
    let ignore = text("deploy/Dockerfile.dockerignore");
    let sent: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert_eq!(ignore.lines().next(), Some("*"), "nothing is sent but what is named");
    let mut copied = Vec::new();
    for (_, argument) in instructions().into_iter().filter(|(name, _)| name == "COPY") {
        let words: Vec<&str> = argument.split_whitespace().collect();
        let (target, sources) = words.split_last().expect("a target");
        if let Some((from, [source])) =
            sources.split_first().filter(|(from, _)| from.starts_with("--from="))
        {
            assert_eq!(*from, "--from=build");
            assert!(source.starts_with('/') && target.starts_with('/'), "{argument}");
            continue;
        }
        copied.extend(sources.iter().map(|source| (*source).to_owned()));
    }
    for source in &copied {
        assert!(root().join(source).exists(), "{source} is copied and is not there");
        assert!(sent.contains(&source.as_str()), "{source} is copied and not sent");
    }
    assert_eq!(sent.len(), copied.len(), "{sent:?} is sent, {copied:?} copied");
    let program = instructions()
        .into_iter()
        .any(|(name, argument)| name == "COPY" && argument.ends_with(PROGRAM));
    assert!(program, "the program is copied to {PROGRAM}");
}
