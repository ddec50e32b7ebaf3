package lakelab;

import io.debezium.config.Configuration;
import io.debezium.connector.postgresql.PostgresConnectorTask;
import io.debezium.connector.postgresql.PostgresOffsetContext;
import io.debezium.connector.postgresql.PostgresPartition;
import io.debezium.pipeline.ChangeEventSourceCoordinator;
import java.util.List;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Asks Debezium's queue when something is in it. Debezium's own task asks as often as poll.interval.ms says, and each
 * time that it finds nothing Connect ends a transaction without content: to be quick costs idle work, and the change that
 * comes meanwhile waits.
 *
 * With this one poll.interval.ms is how long a first change waits for more, and 1 is right.
 */
public final class PromptTask extends PostgresConnectorTask {

    private static final long REST_MS = 500; // then errors of the thread that reads the log are looked for

    private PromptQueue<?> queue;

    @Override
    public ChangeEventSourceCoordinator<PostgresPartition, PostgresOffsetContext> start(Configuration config) {
        ChangeEventSourceCoordinator<PostgresPartition, PostgresOffsetContext> coordinator = super.start(config);
        queue = PromptQueue.madeLast();
        return coordinator;
    }

    /** Null where there is nothing: for an empty list Connect would end a transaction. */
    @Override
    public List<SourceRecord> doPoll() throws InterruptedException {
        queue.await(REST_MS);
        List<SourceRecord> records = super.doPoll();
        return records.isEmpty() ? null : records;
    }
}
