package saas_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readmeCommand is a form of command in README.md and what runs it.
type readmeCommand struct {
	form *regexp.Regexp
	// script is a line of .ci/run without which it would not run the command.
	script string
	// file and test name a test that runs the same; empty if .ci/run alone does.
	file, test string
}

// readmeCommands returns the commands that README.md may name. Its sh blocks
// are run by the section readme of .ci/run; most of the commands stand under a
// test of their own besides.
func readmeCommands() []readmeCommand {
	form := func(s string) *regexp.Regexp { return regexp.MustCompile("^" + s + "$") }
	const anyOther = `*) bash -c "$command" ;;`
	return []readmeCommand{
		{form(`go test \./\.\.\.`), "-shuffle=on -vet=off -timeout 25m -p 2 ./...", "", ""},
		{form(`go run \./hosts/server`), `'go run ./hosts/server')`, "", ""},
		{form(`go run \./hosts/lunobot sim --addr 127\.0\.0\.1:7700`), `'go run ./hosts/lunobot sim '*)`, "saas/liveprograms_test.go", "TestLiveMarketOfPrograms"},
		{form(`go run \./hosts/server --data-dir \./lunobot-live --market luno --luno-address http://127\.0\.0\.1:7700 .*`), `'go run ./hosts/server --data-dir ./lunobot-live '*)`, "saas/liveprograms_test.go", "TestLiveMarketOfPrograms"},
		{form(`go run \./examples/embed`), `'go run ./examples/embed')`, "examples/embed/main_test.go", "TestEmbed"},
		{form(`go run \./examples/live`), anyOther, "examples/live/main_test.go", "TestLive"},
		{form(`go run \./examples/venue`), anyOther, "examples/venue/main_test.go", "TestVenue"},
		{form(`go run \./hosts/lunobot strategies (list|describe basic)`), anyOther, "hosts/lunobot/backtest_test.go", "TestStrategies"},
		{form(`go test \./saas -run TestKillPoints -points 200 -v`), anyOther, "saas/killpoints_test.go", "TestKillPoints"},
		{form(`go run \./hosts/lunobot keys new`), anyOther, "hosts/lunobot/keys_test.go", "TestKeys"},
		{form(`go run \./hosts/lunobot backtest --strategy basic --data demo .*`), anyOther, "hosts/lunobot/backtest_test.go", "TestBacktestTwiceGivesTheSameBytes"},
		{form(`go run \./hosts/lunobot (sweep|walkforward) --strategy basic --data demo .*`), anyOther, "hosts/lunobot/sweep_test.go", "TestSearchTwiceGivesTheSameBytes"},
		{form(`go test \./strategy/backtest -bench Cross -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "strategy/backtest/bench_test.go", "BenchmarkCross"},
		{form(`go test \./strategy/backtest -bench Peak -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "strategy/backtest/peak_bench_test.go", "BenchmarkPeak"},
		{form(`go test \./hosts/lunobot -bench Peak -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "hosts/lunobot/peak_bench_test.go", "BenchmarkPeak"},
		{form(`go test \./strategy/backtest/search -bench Sweep -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "strategy/backtest/search/bench_test.go", "BenchmarkSweep"},
		{form(`go test \./strategy/engine -bench Live -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "strategy/engine/bench_test.go", "BenchmarkLive"},
		{form(`go test \./strategy/pluginhost -bench Start -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "strategy/pluginhost/bench_test.go", "BenchmarkStart"},
		{form(`go test \./strategy/pluginhost -bench Tick -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "strategy/pluginhost/bench_test.go", "BenchmarkTick"},
		{form(`go test \./saas/runner -bench Memory -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "saas/runner/bench_test.go", "BenchmarkMemory"},
		{form(`go test \./saas/saasdb -bench Intents -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "saas/saasdb/intents_bench_test.go", "BenchmarkIntents"},
		{form(`go test \./exchange/lunosim -bench Orders -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "exchange/lunosim/bench_test.go", "BenchmarkOrders"},
		{form(`go test \./exchange/luno/lunostream -bench Book -run '\^\$' -cpu 1`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "exchange/luno/lunostream/book_test.go", "BenchmarkBook"},
		{form(`go test \./exchange/luno -bench Order -run '\^\$'`), `*' -bench '*) bash -c "$command -benchtime 1x" ;;`, "exchange/luno/client_bench_test.go", "BenchmarkOrder"},
		{form(`curl -sS --fail-with-body .*http://127\.0\.0\.1:5000/\S+`), `bash -c "${call//127.0.0.1:5000/127.0.0.1:$1}"`, "", ""},
	}
}

// TestReadme reports commands of README.md that nothing runs, and files that it
// or its companions point to but that are not there.
func TestReadme(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, name string) string {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	readme, script := read(t, "README.md"), read(t, ".ci/run")
	pages := []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "plugins/README.md"}
	more, err := filepath.Glob(filepath.Join("..", "plugins", "*", "README.md"))
	if err != nil || len(more) == 0 {
		t.Fatalf("no pages of strategies were found: %v", err)
	}
	for _, path := range more {
		pages = append(pages, filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator))))
	}

	t.Run("every command is run by something", func(t *testing.T) {
		t.Parallel()
		commands := shellCommands(readme)
		if len(commands) == 0 {
			t.Fatal("README.md has no sh block")
		}
		for _, command := range commands {
			var found bool
			for _, c := range readmeCommands() {
				found = found || c.form.MatchString(command)
			}
			if !found {
				t.Errorf("nothing is known to run %q: let .ci/run or a test do so and add it to readmeCommands", command)
			}
		}
		for _, c := range readmeCommands() {
			if !strings.Contains(script, c.script) {
				t.Errorf(".ci/run does not hold %q, which runs %s", c.script, c.form)
			}
			if c.test != "" && !strings.Contains(read(t, c.file), "func "+c.test+"(") {
				t.Errorf("%s has no %s, which runs %s", c.file, c.test, c.form)
			}
			if !anyMatch(commands, c.form) {
				t.Errorf("README.md has no command of the form %s: remove it from readmeCommands", c.form)
			}
		}
	})
	t.Run("every link leads to a file", func(t *testing.T) {
		t.Parallel()
		link := regexp.MustCompile(`\]\(([^)#\s]+)\)`)
		for _, name := range pages {
			for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				if _, err := os.Stat(filepath.Join("..", filepath.Dir(filepath.FromSlash(name)), filepath.FromSlash(m[1]))); err != nil {
					t.Errorf("%s points to %s: %v", name, m[1], err)
				}
			}
		}
	})
}

// shellCommands returns the lines of the fenced sh blocks of a page.
func shellCommands(page string) []string {
	var commands []string
	inside := false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside && line != "":
			commands = append(commands, line)
		}
	}
	return commands
}

func anyMatch(lines []string, form *regexp.Regexp) bool {
	for _, line := range lines {
		if form.MatchString(line) {
			return true
		}
	}
	return false
}
