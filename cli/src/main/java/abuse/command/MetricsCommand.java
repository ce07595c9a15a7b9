// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Latency;
import java.util.List;

/** Tells numbers of all disks to Prometheus. */
final class MetricsCommand extends Command {
    private static final String DURATION = "abuse_request_duration_seconds";

    MetricsCommand(Context context) {
        super(context, "metrics", "Prints metrics of all disks, for Prometheus.",
                "In its text format: state, counters, and a histogram of how long answered requests took.");
    }

    @Override
    void execute() throws Exception {
        Survey survey = Survey.of(context.devices, allPaths(), false);
        if (!survey.rows().isEmpty()) {
            context.out.print(text(survey.rows()));
        }
        survey.checkAll();
    }

    private static String text(List<DeviceRow> rows) {
        var text = new StringBuilder();
        for (Metric metric : Metric.values()) {
            head(text, metric.series, metric.type, metric.help);
            for (DeviceRow row : rows) {
                line(text, metric.series, label(row), metric.value(row));
            }
        }
        head(text, DURATION, "histogram", "Time from the submission of a request to its answer.");
        rows.forEach(row -> histogram(text, label(row), row.status().latency()));
        return text.toString();
    }

    /** Without a sum, which the kernel does not keep. */
    private static void histogram(StringBuilder text, String label, Latency latency) {
        for (Latency.Bound bound : latency.bounds()) {
            line(text, DURATION + "_bucket", label + ",le=\"" + Metric.seconds(bound.microseconds()) + "\"", bound.count());
        }
        line(text, DURATION + "_bucket", label + ",le=\"+Inf\"", latency.count());
        line(text, DURATION + "_count", label, latency.count());
    }

    private static String label(DeviceRow row) {
        return "device=\"" + row.status().disk().substring("/dev/".length()) + "\"";
    }

    private static void head(StringBuilder text, String name, String type, String help) {
        text.append("# HELP ").append(name).append(' ').append(help).append('\n');
        text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    private static void line(StringBuilder text, String name, String labels, Number value) {
        text.append(name).append('{').append(labels).append("} ").append(value).append('\n');
    }
}
