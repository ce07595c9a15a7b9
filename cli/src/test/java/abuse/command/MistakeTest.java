// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.SimulatedDisk;
import abuse.libc.Unix;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mistakes are reported in the words that were typed, with what to do about them. */
@Timeout(600)
class MistakeTest extends CommandTestBase {
    private static final String NO_DEVICE = "is not a device, such as /dev/abctlN, /dev/abuseN, abctlN, abuseN or N";
    private static final String A_DEVICE = "a device of abuse is /dev/abctlN, /dev/abuseN, a link to one of them, or just N";
    private static final String NO_BACKEND = "is not a backend; there are null, mem, file:PATH, qcow2:PATH, cow:BASE[,keep=PATH], nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds://HOST/EXPORT, nbds+unix:///EXPORT?socket=PATH, nbd-exec:COMMAND, rbd:POOL/IMAGE, http://HOST/PATH and https://HOST/PATH";

    private Path image(String name, long size) throws Exception {
        Path image = directory.resolve(name);
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(size);
        }
        return image;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "server nul|server: 'nul' BACKEND; did you mean 'null'?",
        "server 0 flie:/tmp/x|server: 'flie:/tmp/x' BACKEND; did you mean 'file:'?",
        "server fil:/tmp/x|server: 'fil:/tmp/x' BACKEND; did you mean 'file:'?",
        "server ftp://localhost/|server: 'ftp://localhost/' BACKEND",
        "server mem null|server: 'mem' and 'null' are both backends; only one can be served",
        "server frob mem|server: 'frob' DEVICE",
        "run mem null|run: 'mem' and 'null' are both backends; only one can be served",
        "server file:/tmp/x 0|server: '0' belongs before 'file:/tmp/x', which is the backend",
        "run file:/tmp/x sz=1M|run: 'sz=1M' belongs before 'file:/tmp/x', which is the backend",
        "run mem nlu|run: 'nlu' BACKEND",
        "server 0 qcow2:|server: 'qcow2:' is not all of a backend; it is qcow2:PATH",
        "run file:|run: 'file:' is not all of a backend; it is file:PATH",
        "run https:|run: 'https:' is not all of a backend; it is https://HOST/PATH",
        "run pom.xml|run: 'pom.xml' BACKEND; did you mean 'file:pom.xml'?",
        "run nul|run: 'nul' BACKEND; did you mean 'null'?",
        "run 64M mem|run: unknown key '64M'; did you mean 'sz=64M'?",
        "run siez=1M mem|run: unknown key 'siez'; did you mean 'size'?",
        "run siez=1M|run: unknown key 'siez'; did you mean 'size'?",
        "setup 64M|setup: unknown key '64M'; did you mean 'sz=64M'?",
        "setup 0 blocksize=3000|setup: blocksize=3000 is not a power of two",
        "setup 0 size=1K|setup: size=1K is not a multiple of the block size, 4096",
        "reset -1|reset: '-1' DEVICE",
        "mark abuse1|mark: 'abuse1' is a device; TEXT is missing",
        "reset abctl|reset: 'abctl' DEVICE",
        "info nul|info: 'nul' DEVICE",
        "resize 0 0|resize: 0 must be at least 1",
        "resize 1|resize: '1' is a device; SIZE is missing",
        "resize /dev/abuse1|resize: '/dev/abuse1' is a device; SIZE is missing",
        "resize -5G|resize: '-5G' must not be negative",
        "resize 3000000|resize: 3000000 is not a multiple of the block size, 4096",
        "list --jsno|list: unknown option '--jsno'; did you mean '--json'?",
        "list -o SIZ|list: unknown column 'SIZ'; did you mean 'SIZE'?",
        "run 0|run: '0' is a device, but this command takes a free one; 'abusectl server 0 BACKEND' serves that one",
        "run 0 null|run: '0' is a device, but this command takes a free one; 'abusectl server 0 null' serves that one",
        "run 0 nbd-exec:a$b|run: '0' is a device, but this command takes a free one; 'abusectl server 0 nbd-exec:a\\$b' serves that one",
        "run abuse0,sz=1M mem|run: 'abuse0' is a device, but this command takes a free one; 'abusectl server abuse0 mem' serves"
                + " that one",
        "get --wait 5|get: '--wait 5' is ambiguous; write '--wait=5', or the device by its path",
        "put --wait 0.5|put: '--wait 0.5' is ambiguous; write '--wait=0.5', or the device by its path",
        "lst|unknown command 'lst'; did you mean 'list'?",
        "frob|unknown command 'frob'",
        "help frob|unknown command 'frob'",
        "info \uFFFD.img|'\uFFFD.img' is not UTF-8; a file with such a name needs a link with another name"})
    void a_mistyped_word_is_named_and_nothing_is_done(String words, String message) {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        disk.read(0, 4096);
        assertEquals(message.replace("DEVICE", NO_DEVICE).replace("' BACKEND", "' " + NO_BACKEND), misuse(words.split(" ")));
        assertEquals(1, disk.pending());
    }

    @Test
    void a_device_among_the_keys_of_run_is_named_even_behind_a_blank() {
        assertEquals("run: 'abuse0' is a device, but this command takes a free one; 'abusectl server abuse0 mem' serves that one",
                misuse("run", "sz=1M, abuse0", "mem"));
    }

    /** A path that is no control node is no reason to load the module, or to change the owner of what is there. */
    @ParameterizedTest
    @CsvSource({"ENOENT, No such file or directory", "ENXIO, No such device or address", "ENOTTY, Inappropriate ioctl for device",
        "EIO, Input/output error"})
    void a_path_of_something_else_is_no_device(String errno, String cause) throws Exception {
        assertEquals("/dev/sda: No such file or directory; " + A_DEVICE, fail("get", "/dev/sda"));
        devices.refuse("/dev/sda", Unix.class.getField(errno).getInt(null));
        for (String command : new String[] {"get", "setup", "reset", "info", "server"}) {
            assertEquals("/dev/sda: " + cause + "; " + A_DEVICE, fail(command, "/dev/sda"));
        }
        devices.refuse("/dev/sda", Unix.EACCES);
        assertEquals("/dev/sda: Permission denied; only root and the owner of the node may; try sudo", fail("get", "/dev/sda"));
    }

    /** What may be done depends on the group only if its members may read and write. */
    @ParameterizedTest
    @CsvSource({"rw-rw----, true", "rw-r-----, false", "rw-------, false", "rw-rw-rw-, true"})
    void the_group_of_a_node_is_named_if_it_may(String mode, boolean named) throws Exception {
        Path node = Files.createFile(directory.resolve("node"));
        Files.setPosixFilePermissions(node, PosixFilePermissions.fromString(mode));
        String group = Files.readAttributes(node, PosixFileAttributes.class).group().getName();
        devices.refuse(node.toString(), Unix.EACCES);
        assertEquals(node + ": Permission denied; only root" + (named ? ", the owner of the node and the group '" + group + "'" : " and the owner of the node")
                + " may; try sudo", fail("get", node.toString()));
    }

    /** An image has nothing to do with the module, and may be what was mistyped. */
    @Test
    void an_image_that_is_not_there_is_told_without_any_device() throws Exception {
        for (String[] words : new String[][] {{"server", "0"}, {"run"}}) {
            for (String[] wrong : new String[][] {{"file:%s/none", "/none: No such file or directory; add --create to make it"},
                {"qcow2:%s/none", "/none: No such file or directory"}, {"cow:%s/none", "/none: No such file or directory"},
                {"file:%s", ": Is a directory"}}) {
                var all = new ArrayList<>(List.of(words));
                all.add(wrong[0].formatted(directory));
                assertEquals(directory + wrong[1], fail(all.toArray(String[]::new)));
            }
        }
    }

    @Test
    void an_empty_word_is_not_the_default() {
        for (String words : List.of("an argument|reset|", "an argument|info|", "an argument|setup||sz=1M", "DEVICE|map||0|4K|/dev/null", "--plugin|server|0|mem|--plugin|",
                "--all|server|--all|", "FILE|replay|", "--keep|crashes|log|--base|base|--check|true {}|--keep|")) {
            String[] typed = words.split("[|]", -1);
            var outcome = run(Arrays.copyOfRange(typed, 1, typed.length));
            assertEquals(2, outcome.exitCode(), words);
            assertEquals("abusectl: " + typed[1] + ": " + typed[0] + " is empty; if it is from a variable, that is not set",
                    outcome.err().lines().findFirst().orElse(""));
        }
        assertEquals("setup: unexpected argument ''", misuse("setup", "0", ""));
    }

    @Test
    void the_help_has_the_names_of_backends_in_one_piece() {
        for (String command : List.of("server", "run")) {
            String help = succeed(command, "--help");
            for (String name : List.of("null:", "mem:", "file:PATH:", "qcow2:PATH:", "cow:BASE[,keep=PATH]:", "nbd://HOST/EXPORT", "nbd+unix:///EXPORT?socket=PATH:",
                    "nbd-exec:COMMAND:", "rbd:POOL/IMAGE:", "http://HOST/PATH", "https://HOST/PATH:")) {
                assertTrue(help.contains(name), name + "\n" + help);
            }
        }
    }

    @Test
    void help_is_a_command_too() {
        for (String[] both : new String[][] {{"help", "--help"}, {"help info", "info --help"}, {"help run", "run --help"}}) {
            assertEquals(succeed(both[1].split(" ")), succeed(both[0].split(" ")));
        }
    }

    @Test
    void an_image_that_does_not_fit_is_told_by_its_name() throws Exception {
        devices.add(0);
        Path odd = image("odd.img", 5000);
        assertEquals("file:" + odd + ": 5000 bytes are not a multiple of the block size, 512; 'truncate -s %512 " + odd
                + "' rounds the size up", fail("run", "file:" + odd));
        Path small = image("small.img", 512 * 9);
        assertEquals("file:" + small + ": 4608 bytes are not a multiple of the block size, 4096; add bs=512",
                fail("run", "bs=4096", "file:" + small));
        Path empty = image("empty.img", 0);
        assertEquals("file:" + empty + ": is empty; add --create to make it as large as the disk",
                fail("run", "file:" + empty));
        assertEquals("file:/dev/null: holds no bytes, and is not a file that can be made"
                + " larger", fail("run", "file:/dev/null"));
        Path image = image("image", 8 << 20);
        assertEquals("file:" + image + ": holds 8 MiB (8388608 bytes), but /dev/abctl0 has 16 MiB (16777216 bytes); add"
                + " sz=8388608", fail("run", "sz=16M", "file:" + image));
        assertEquals("", succeed("list"));
        devices.add(0).setUp(4 << 20);
        assertEquals("file:" + image + ": holds 8 MiB (8388608 bytes), but /dev/abctl0 has 4 MiB (4194304 bytes); try"
                + " 'abusectl resize /dev/abctl0 8388608'", fail("server", "file:" + image));
    }

    @Test
    void a_disk_that_outgrows_its_image_is_told_by_who_makes_it_larger() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Path image = image("image", 1 << 20);
        var server = start("server", "file:" + image).awaitReady();
        assertFalse(disk.read(0, 4096).await().failed());
        assertEquals("/dev/abuse0: has 2 MiB now, but its server has less: Input/output error; the image must have"
                + " 2097152 bytes", fail("resize", "0", "2M"));
        image("image", 3 << 20);
        succeed("resize", "0", "3M");
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void a_plugin_without_a_backend_is_refused() throws Exception {
        devices.add(0).setUp(1 << 20);
        Path text = Files.writeString(directory.resolve("text"), "no jar\n");
        String refusal = fail("server", "--plugin", text.toString(), "mem");
        assertTrue(refusal.startsWith(text + ": is not a jar: "), refusal);
        Path jar = directory.resolve("empty.jar");
        try (var to = new ZipOutputStream(Files.newOutputStream(jar))) {
            to.putNextEntry(new ZipEntry("README"));
        }
        for (Path plugin : new Path[] {jar, directory}) {
            assertEquals(plugin + ": has no backend, as it has no META-INF/services/abuse.backend.BackendFactory, and no filter either",
                    fail("server", "--plugin", plugin.toString(), "mem"));
        }
    }
}
