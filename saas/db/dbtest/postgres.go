package dbtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lunobot/lunobot/saas/db"
)

// shared is the one cluster of this test binary. A package variable, because
// TestMain and every test of the package must reach the same one.
var shared cluster //nolint:gochecknoglobals // see above

// durable is a cluster like shared that waits for the disk, for benchmarks of what
// a commit costs; a package variable for the same reason.
var durable = cluster{waits: true} //nolint:gochecknoglobals // see above

// copies are the migrated databases that tests get copies of; a package variable
// for the same reason.
var copies migrated //nolint:gochecknoglobals // see above

// cluster is a throw-away PostgreSQL cluster; the zero value is not started.
type cluster struct {
	// waits says whether a commit waits for the disk, as it does in earnest.
	waits bool
	once  sync.Once
	url   string
	err   error
	dir   string
	cmd   *exec.Cmd
	seq   atomic.Int64
}

func (c *cluster) next() int64 { return c.seq.Add(1) }

// start starts the cluster on first use and returns its address without a
// database name.
func (c *cluster) start() (string, error) {
	c.once.Do(func() { c.err = c.boot() })
	return c.url, c.err
}

func (c *cluster) boot() error {
	bin, err := serverPrograms()
	if err != nil {
		return err
	}
	cred, err := serverUser()
	if err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "lunobot-pg-"); err != nil {
		return err
	}
	if cred != nil {
		if err := os.Chown(c.dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(c.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "lunobot", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	initdb.Dir = c.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	c.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync="+onOff(c.waits),
		"-c", "full_page_writes="+onOff(c.waits), "-c", "max_connections=300", "-c", "shared_buffers=64MB")
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred, Setpgid: true}
	c.cmd.Dir = c.dir
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the child holds its own descriptor
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("starting postgres: %w", err)
	}
	c.url = fmt.Sprintf("postgresql://lunobot@127.0.0.1:%d", port)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		d, err := db.Open(context.Background(), db.Config{URL: c.url + "/postgres", MaxConns: 1})
		if err == nil {
			return d.Close()
		}
	}
	text, _ := os.ReadFile(log.Name())
	return errors.Join(fmt.Errorf("postgres did not become ready: %s", bytes.TrimSpace(text)), c.stop())
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// stop ends the cluster and removes its files; without a cluster it does
// nothing.
func (c *cluster) stop() error {
	if c.dir == "" {
		return nil
	}
	if c.cmd != nil && c.cmd.Process != nil {
		if err := c.cmd.Process.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		_ = c.cmd.Wait() // it was told to quit, so its exit code says nothing
	}
	return os.RemoveAll(c.dir)
}

// serverPrograms returns the folder that holds initdb and postgres.
func serverPrograms() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("initdb is neither on the PATH nor under /usr/lib/postgresql")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// serverUser returns whom the server runs as: PostgreSQL refuses to run as
// root, so root lends it another user; nil means the present one.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uerr, gerr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("running as root, and there is no user postgres or nobody to run the server as")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
