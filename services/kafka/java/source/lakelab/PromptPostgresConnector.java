package lakelab;

import io.debezium.connector.postgresql.PostgresConnector;
import org.apache.kafka.connect.connector.Task;

/** Debezium's connector for Postgres, with a task that hands a change on as it comes, and rests where there is none. */
public final class PromptPostgresConnector extends PostgresConnector {

    @Override
    public Class<? extends Task> taskClass() {
        return PromptTask.class;
    }
}
