package lakelab;

import io.debezium.connector.base.DefaultQueueProvider;
import io.debezium.pipeline.Sizeable;
import java.util.Map;

/**
 * Debezium's queue in memory, which one can wait at. Debezium finds it by its name, queue.provider.type=prompt, and makes
 * it while a task is started.
 */
public final class PromptQueue<T extends Sizeable> extends DefaultQueueProvider<T> {

    private static final ThreadLocal<PromptQueue<?>> LAST = new ThreadLocal<>();

    @Override
    public String name() {
        return "prompt";
    }

    @Override
    public void configure(Map<String, ?> settings) {
        super.configure(settings);
        LAST.set(this);
    }

    /** The one that this thread's task has been given. IllegalStateException where the settings name another kind. */
    static PromptQueue<?> madeLast() {
        PromptQueue<?> made = LAST.get();
        LAST.remove();
        if (made == null) {
            throw new IllegalStateException("set queue.provider.type to prompt: this task waits at that queue");
        }
        return made;
    }

    /** Until something is in it, and not longer. */
    synchronized void await(long milliseconds) throws InterruptedException {
        long end = System.nanoTime() + milliseconds * 1_000_000;
        for (long left = milliseconds; super.size() == 0 && left > 0; left = (end - System.nanoTime()) / 1_000_000) {
            wait(left);
        }
    }

    @Override
    public synchronized void enqueue(T event) throws InterruptedException {
        super.enqueue(event);
        notifyAll();
    }

    @Override
    public synchronized T poll() throws InterruptedException {
        return super.poll();
    }

    @Override
    public synchronized int size() {
        return super.size();
    }
}
