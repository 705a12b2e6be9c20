// The same as worker.c, with Go's os/exec as a Go program uses it.
//
// Reads requests "WAY\tCOUNT\tPROGRAM[\tARGUMENT...]", runs the program COUNT times in that way
// and answers with one line of nanoseconds, one number for each run.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// command has a deadline that is never reached.
func command(words []string) (*exec.Cmd, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	return exec.CommandContext(ctx, words[0], words[1:]...), cancel
}

func run(words []string) error {
	return exec.Command(words[0], words[1:]...).Run()
}

func runContext(words []string) error {
	cmd, cancel := command(words)
	defer cancel()
	return cmd.Run()
}

// capture keeps the two streams apart, as subprocess.run(capture_output=True) does.
func capture(words []string) error {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd.Run()
}

func captureContext(words []string) error {
	var stdout, stderr bytes.Buffer
	cmd, cancel := command(words)
	defer cancel()
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd.Run()
}

// combinedContext has one pipe for both streams.
func combinedContext(words []string) error {
	cmd, cancel := command(words)
	defer cancel()
	_, err := cmd.CombinedOutput()
	return err
}

var ways = map[string]func([]string) error{
	"run":              run,
	"run-context":      runContext,
	"capture":          capture,
	"capture-context":  captureContext,
	"combined-context": combinedContext,
}

func answer(request string) string {
	fields := strings.Split(strings.TrimSpace(request), "\t")
	count, err := strconv.Atoi(fields[1])
	if err != nil {
		fail(err)
	}
	took := make([]string, count)
	for i := range took {
		begin := time.Now()
		if err := ways[fields[0]](fields[2:]); err != nil {
			fail(err)
		}
		took[i] = strconv.FormatInt(time.Since(begin).Nanoseconds(), 10)
	}
	return strings.Join(took, " ")
}

func main() {
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		fmt.Println(answer(requests.Text()))
	}
}
