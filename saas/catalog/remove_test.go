package catalog_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// afterwards is a Transactor that does something once a transaction is committed.
type afterwards struct {
	catalog.Transactor
	do func()
}

// SystemTx implements catalog.Transactor.
func (a afterwards) SystemTx(ctx context.Context, purpose string, fn func(ctx context.Context) error) error {
	err := a.Transactor.SystemTx(ctx, purpose, fn)
	a.do()
	return err
}

// An installation of the same file that begins when the entry is gone and the file is
// not yet, does not lose it.
func TestInstallWhileTheSameIsRemoved(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx, installed := b.t.Context(), make(chan error, 1)
		made := b.install("demo", "1.0.0")
		again := b.file("demo", "1.0.0", "T")
		removing, err := catalog.NewService(catalog.Config{
			Events: b.events, Folder: b.folder, Host: b.files, Now: func() time.Time { return b.now }, Store: b.store,
			Tx: afterwards{b.db, func() {
				done := make(chan struct{})
				go func() {
					defer close(done)
					_, err := b.Install(ctx, catalog.InstallInput{Path: again, By: "ada"})
					installed <- err
				}()
				select {
				case <-done:
				case <-time.After(300 * time.Millisecond): // it waits, as it should
				}
			}},
		})
		if err != nil {
			b.t.Fatal(err)
		}
		if err := removing.Remove(ctx, made.Ref, "cy"); err != nil {
			b.t.Fatal(err)
		}
		if err := <-installed; err != nil {
			b.t.Fatal(err)
		}
		e, err := b.store.Entry(ctx, made.Ref)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := b.Verify(e); err != nil {
			b.t.Errorf("what was put in: %v", err)
		}
	})
}

// Whoever cannot have the folder in time says so and has changed nothing.
func TestRemoveGivesUpWaiting(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		made := b.install("demo", "1.0.0")
		reached, release := make(chan struct{}), make(chan struct{})
		busy, err := catalog.NewService(catalog.Config{
			Events: b.events, Folder: b.folder, Host: b.files, Now: func() time.Time { return b.now }, Store: b.store,
			Tx: afterwards{b.db, func() {
				close(reached)
				<-release
			}},
		})
		if err != nil {
			b.t.Fatal(err)
		}
		other, done := b.file("demo", "1.1.0", "T"), make(chan error, 1)
		go func() {
			_, err := busy.Install(b.t.Context(), catalog.InstallInput{Path: other, By: "ada"})
			done <- err
		}()
		<-reached
		short, cancel := context.WithTimeout(b.t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := b.Remove(short, made.Ref, "cy"); err == nil || context.Cause(short) == nil {
			b.t.Errorf("it did not wait: %v", err)
		}
		close(release)
		if err := <-done; err != nil {
			b.t.Fatal(err)
		}
		if err := b.Verify(made); err != nil {
			b.t.Error(err)
		}
		if err := b.Remove(b.t.Context(), made.Ref, "cy"); err != nil {
			b.t.Error(err)
		}
	})
}

// installerEnv holds the task of a process that installs, as JSON.
const installerEnv = "LUNOBOT_TEST_INSTALLER"

type installer struct{ URL, Dir, File string }

// runInstaller is the process's main: it puts the file in once for each line that it
// reads, and answers each. It returns the exit code.
func runInstaller() int {
	ctx := context.Background()
	var task installer
	err := json.Unmarshal([]byte(os.Getenv(installerEnv)), &task)
	var d *db.DB
	if err == nil {
		d, err = db.Open(ctx, db.Config{URL: task.URL})
	}
	var s *catalog.Service
	if err == nil {
		s, err = catalog.NewService(catalog.Config{
			Events: &events{}, Folder: catalog.NewFolder(task.Dir), Host: &files{}, Now: time.Now, Store: saasdb.New(d), Tx: d,
		})
	}
	for lines := bufio.NewScanner(os.Stdin); err == nil; {
		fmt.Fprintln(os.Stdout, "ready")
		if !lines.Scan() {
			return 0
		}
		_, err = s.Install(ctx, catalog.InstallInput{Path: task.File, By: "ada"})
	}
	fmt.Fprintln(os.Stderr, "installer:", err)
	return 1
}

// A version that one process removes while another puts it in is there with its file
// afterwards, or gone with it.
func TestTwoProcessesRemoveAndInstall(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		ctx := t.Context()
		d, err := db.Open(ctx, db.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if _, err := d.Migrate(ctx, saasdb.Migrations()); err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, db: d, store: saasdb.New(d), events: &events{}, files: &files{}}
		dir := filepath.Join(t.TempDir(), "plugins")
		b.folder = catalog.NewFolder(dir)
		if b.Service, err = catalog.NewService(catalog.Config{Events: b.events, Folder: b.folder, Host: b.files, Now: time.Now, Store: b.store, Tx: d}); err != nil {
			t.Fatal(err)
		}
		file := b.file("demo", "1.0.0", "T")
		task, err := json.Marshal(installer{URL: url, Dir: dir, File: file})
		if err != nil {
			t.Fatal(err)
		}
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(ctx, exe)
		cmd.Env, cmd.Stderr = append(os.Environ(), installerEnv+"="+string(task)), os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		ready := func() {
			t.Helper()
			if !lines.Scan() {
				t.Fatal("the other process ended")
			}
		}
		ready()
		ref := catalog.Ref{Name: "demo", Version: "1.0.0"}
		won := map[bool]int{}
		for range 25 {
			e, err := b.Install(ctx, catalog.InstallInput{Path: file, By: "ada"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(in, "go\n"); err != nil {
				t.Fatal(err)
			}
			if err := b.Remove(ctx, ref, "cy"); err != nil {
				t.Fatal(err)
			}
			ready()
			_, err = b.store.Entry(ctx, ref)
			there := err == nil
			won[there]++
			switch left := b.Verify(e); {
			case err != nil && errs.KindOf(err) != errs.NotFound:
				t.Fatal(err)
			case there && left != nil:
				t.Fatalf("it is there, and %v", left)
			case !there && errs.CodeOf(left) != "strategy_file_missing":
				t.Fatalf("it is gone, and its file gives %v", left)
			}
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		t.Logf("it was there afterwards %d times, and gone %d times", won[true], won[false])
	})
}
