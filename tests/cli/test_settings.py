"""Flags over environment over marquee.toml over defaults, as a person sees them."""

import tomllib


def test_each_value_says_where_it_came_from(marquee):
    file = marquee.home / ".config/marquee/marquee.toml"
    file.parent.mkdir(parents=True)
    file.write_text("# mine\nport = 7001\nmax_queue = 7001\nlog_level = \"debug\"\n")
    shown = marquee.json("serve", "--print-config", "--json", "--port", "7003", MARQUEE_MAX_QUEUE="7002")
    assert shown["port"] == {"value": 7003, "origin": "flag --port"}
    assert shown["max_queue"] == {"value": 7002, "origin": "environment MARQUEE_MAX_QUEUE"}
    assert shown["log_level"] == {"value": "debug", "origin": f"{file} line 4"}
    assert shown["io_threads"] == {"value": 1, "origin": "default"}
    assert shown["data"] == {"value": str(marquee.data), "origin": "default"}
    text = marquee("serve", "--print-config", "--port", "7003").stdout
    assert tomllib.loads(text)["port"] == 7003
    assert f"# settings file: {file}" in text and "port = 7003  # flag --port" in text


def test_data_follows_xdg(marquee):
    shown = marquee.json("serve", "--print-config", "--json", XDG_DATA_HOME="/srv/a b")
    assert shown["data"]["value"] == "/srv/a b/marquee"


def test_a_broken_file_names_its_line(marquee):
    file = marquee.home / "m.toml"
    for text, said in [("port = 1\nhost = \"x\n", f"{file} line 2"), ("port = 1\n\nprot = 2\n", "did you mean 'port'?"),
                       ("port = \"8080\"\n", "port must be a whole number"), ("port = 1\nport = 2\n", "line 2")]:
        file.write_text(text)
        done = marquee("serve", "--print-config", "--config", file, status=2)
        assert said in done.stderr and str(file) in done.stderr
    assert "no settings file" in marquee("serve", "--config", "none.toml", status=3).stderr


def test_a_flag_can_also_say_no(marquee):
    for flag, said in [("--log-json", "true"), ("--log-json=true", "true"), ("--log-json=false", "false")]:
        shown = marquee("serve", "--print-config", flag, MARQUEE_LOG_JSON="true").stdout
        assert f"log_json = {said}  # flag --log-json" in shown


def test_a_wrong_variable_is_named(marquee):
    done = marquee("serve", "--print-config", MARQUEE_PORT="eighty", status=2)
    assert "MARQUEE_PORT" in done.stderr and "'eighty'" in done.stderr and "0..65535" in done.stderr
    assert "MARQUEE_LOG_LEVEL" in marquee("list", MARQUEE_LOG_LEVEL="loud", status=2).stderr


def test_others_are_let_in_only_on_purpose(marquee):
    done = marquee("serve", "--host", "0.0.0.0", "--port", "0", status=2)
    assert "--tls-certificate" in done.stderr and "--insecure-http" in done.stderr
    assert "tls_key" in marquee("serve", "--tls-certificate", "c.pem", status=2).stderr
    assert not marquee.data.exists(), "no first key is made for a server that does not start"
