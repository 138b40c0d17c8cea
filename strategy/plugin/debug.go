package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
)

// AttachVariable is the variable of a host's environment that names a strategy
// which somebody has started with -debug: an Attachment as JSON.
const AttachVariable = "LUNOBOT_PLUGIN_ATTACH"

// Attachment says how a host reaches a strategy that a person has started with
// -debug, in a debugger perhaps.
type Attachment struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	// Process is the operating system's id of the process.
	Process int `json:"process"`
	// Socket is the path of its unix socket.
	Socket string `json:"socket"`
}

// ParseAttachment reads what -debug printed, the JSON alone or the whole line; the error
// names all that is wrong with it.
func ParseAttachment(text string) (Attachment, error) {
	var a Attachment
	if begin, end := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}'); begin >= 0 && end > begin {
		text = text[begin : end+1]
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return a, fmt.Errorf("it is not what a plugin prints with -debug: %w", err)
	}
	return a, a.Check()
}

// Check names all that is wrong with the attachment.
func (a Attachment) Check() error {
	var problems []error
	if !namePattern.MatchString(a.Name) || !versionPattern.MatchString(a.Version) {
		problems = append(problems, fmt.Errorf("it names no strategy and version: %.80q %.80q", a.Name, a.Version))
	}
	if a.Protocol != Protocol {
		problems = append(problems, fmt.Errorf("it speaks protocol %d and this host %d: build both with the same SDK", a.Protocol, Protocol))
	}
	if !filepath.IsAbs(a.Socket) {
		problems = append(problems, fmt.Errorf("the socket %.200q is no absolute path", a.Socket))
	}
	return errors.Join(problems...)
}

// serveDebug serves the strategy to hosts that attach to this process, one after
// another, until it is interrupted, and returns the exit code.
func serveDebug(ctx context.Context, def strategy.Definition, out, problems io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	directory, err := os.MkdirTemp("", "lnb-debug-") // nobody else may look into it
	if err != nil {
		fmt.Fprintln(problems, "making a folder for the socket:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(directory) }()
	info := def.Info()
	a := Attachment{Name: info.Name, Version: info.Version, Protocol: Protocol, Process: os.Getpid(), Socket: filepath.Join(directory, "plugin")}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", a.Socket)
	if err != nil {
		fmt.Fprintln(problems, "listening:", err)
		return 1
	}
	server := newGRPCServer(nil)
	pluginpb.RegisterStrategyServer(server, newServer(def))
	healthy := health.NewServer()
	healthy.SetServingStatus(goplugin.GRPCServiceName, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, healthy)
	defer context.AfterFunc(ctx, server.Stop)()
	text, err := json.Marshal(a)
	if err != nil {
		fmt.Fprintln(problems, "writing the attachment:", err)
		return 1
	}
	fmt.Fprintf(out, `%s %s waits for a host in process %d. In another window, give this
to a host that is not in production, to lunobot backtest or to lunobot plugin
check (each has --attach, too):

  export %s='%s'

There is no sandbox, no encryption and no deadline about it. Ctrl+C ends it.
`, info.Name, info.Version, a.Process, AttachVariable, text)
	if err := server.Serve(listener); err != nil {
		fmt.Fprintln(problems, "serving:", err)
		return 1
	}
	return 0
}
