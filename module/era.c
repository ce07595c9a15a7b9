// SPDX-License-Identifier: GPL-2.0
/*
 * What is taken away from a map is freed once no bio that was under way then can
 * use it any more. It must not know how a map is changed or read.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/slab.h>

#include "era.h"

static struct workqueue_struct *abuse_map_wq;	/* what waits for no device */
static struct workqueue_struct *abuse_retire_wq;	/* what may */
static struct kmem_cache *abuse_mapping_cache;

/**
 * abuse_mapping_alloc() - make a mapping
 *
 * Return: zeros, or NULL.
 */
struct abuse_mapping *abuse_mapping_alloc(void)
{
	return kmem_cache_zalloc(abuse_mapping_cache, GFP_KERNEL_ACCOUNT);
}

/**
 * abuse_mapping_free() - free a mapping
 * @m: the mapping, which nobody has seen, or nobody uses any more
 */
void abuse_mapping_free(struct abuse_mapping *m)
{
	kmem_cache_free(abuse_mapping_cache, m);
}

/**
 * abuse_era_put() - forget an era
 * @era: from abuse_map_commit()
 */
void abuse_era_put(struct abuse_era *era)
{
	if (refcount_dec_and_test(&era->users))
		kfree(era);
}

/*
 * Nobody reads the tree any more, so its nodes are freed at once. Under RCU kernels
 * to this day take the number of children in an inner node that has 15 of them for
 * a sixteenth child, in mt_free_walk().
 */
static void abuse_map_free(struct abuse_map *map)
{
	mt_clear_in_rcu(&map->tree);
	mtree_destroy(&map->tree);
	map->freed(map);
}

/* Waits until no flush is on its way to it. */
static void abuse_target_forget(struct abuse_map *map,
				struct abuse_target *target)
{
	spin_lock(&map->targets_lock);
	target->flushed = true;
	spin_unlock(&map->targets_lock);
	wait_event(map->flushed, !atomic_read(&target->flushes));
	mutex_lock(&map->lock);
	spin_lock(&map->targets_lock);
	list_del(&target->link);
	spin_unlock(&map->targets_lock);
	mutex_unlock(&map->lock);
}

/* This may be the end of the map. */
static void abuse_era_end(struct abuse_era *era)
{
	if (refcount_dec_and_test(&era->map->eras))
		abuse_map_free(era->map);
	complete_all(&era->over);
	abuse_era_put(era);
}

/*
 * What was written to these devices has ended. A flush of the disk finds each of
 * them until it has been flushed here, or finds that this failed.
 */
static void abuse_era_flush(struct work_struct *work)
{
	struct abuse_era *era = container_of(work, struct abuse_era, flush);
	struct abuse_map *map = era->map;
	struct abuse_target *target, *t;

	list_for_each_entry_safe(target, t, &era->targets, gone) {
		int err = abuse_target_flush(target);

		if (err) {
			pr_err_ratelimited("abuse%u: %pg could not be flushed when it was given up: what was written to it may be lost\n",
					   map->number, target->bdev);
			era->error = err;
			atomic_set(&map->lost, 1);
		}
		abuse_target_forget(map, target);
		abuse_target_free(target);
	}
	abuse_era_end(era);
}

static void abuse_era_free_memory(struct abuse_era *era)
{
	struct abuse_target *target, *t;

	list_for_each_entry_safe(target, t, &era->targets, gone) {
		if (!target->memory)
			continue;
		list_del(&target->gone);
		abuse_target_free(target);
	}
}

/*
 * Nobody is in this era any more, nor in one before it: each keeps the next
 * one's reference until then, and no longer, so that a device that is never done
 * with its flush holds up no later change.
 */
static void abuse_era_work(struct work_struct *work)
{
	struct abuse_era *era = container_of(work, struct abuse_era, work);
	struct abuse_mapping *m, *n;

	if (era->next)
		percpu_ref_put(&era->next->ref);
	percpu_ref_exit(&era->ref);
	list_for_each_entry_safe(m, n, &era->mappings, link) {
		abuse_mapping_free(m);
		cond_resched();
	}
	abuse_era_free_memory(era);
	if (list_empty(&era->targets))
		abuse_era_end(era);
	else
		queue_work(abuse_retire_wq, &era->flush);
}

static void abuse_era_release(struct percpu_ref *ref)
{
	struct abuse_era *era = container_of(ref, struct abuse_era, ref);

	queue_work(abuse_map_wq, &era->work);
}

/**
 * abuse_era_alloc() - make an era that has not begun
 * @map: the map
 *
 * Return: the era, or NULL.
 */
struct abuse_era *abuse_era_alloc(struct abuse_map *map)
{
	struct abuse_era *era = kzalloc(sizeof(*era), GFP_KERNEL_ACCOUNT);

	if (!era)
		return NULL;
	if (percpu_ref_init(&era->ref, abuse_era_release, 0,
			    GFP_KERNEL_ACCOUNT)) {
		kfree(era);
		return NULL;
	}
	era->map = map;
	INIT_LIST_HEAD(&era->mappings);
	INIT_LIST_HEAD(&era->targets);
	init_completion(&era->over);
	refcount_set(&era->users, 1);
	INIT_WORK(&era->work, abuse_era_work);
	INIT_WORK(&era->flush, abuse_era_flush);
	return era;
}

/**
 * abuse_era_cancel() - free an era that has not begun
 * @era: the era
 */
void abuse_era_cancel(struct abuse_era *era)
{
	percpu_ref_exit(&era->ref);
	kfree(era);
}

/**
 * abuse_era_wait() - wait until nothing uses what a change took away
 * @era: from abuse_map_commit()
 *
 * Return: 0; -EINTR: the caller is being killed; -EIO: a target could not be
 * flushed.
 */
int abuse_era_wait(struct abuse_era *era)
{
	int err = wait_for_completion_killable(&era->over) ? -EINTR :
		  era->error;

	abuse_era_put(era);
	return err;
}

/**
 * abuse_eras_init() - prepare for maps
 *
 * Return: 0, or an error.
 */
int abuse_eras_init(void)
{
	/* Memory may wait for a server, and that for the end of its ABUSE_UNMAP. */
	unsigned int flags = WQ_UNBOUND | WQ_MEM_RECLAIM;

	abuse_mapping_cache = KMEM_CACHE(abuse_mapping, 0);
	if (!abuse_mapping_cache)
		return -ENOMEM;
	abuse_map_wq = alloc_workqueue("abuse_map", flags, 0);
	if (!abuse_map_wq)
		goto out_cache;
	abuse_retire_wq = alloc_workqueue("abuse_retire", flags, 0);
	if (abuse_retire_wq)
		return 0;
	destroy_workqueue(abuse_map_wq);
out_cache:
	kmem_cache_destroy(abuse_mapping_cache);
	return -ENOMEM;
}

/**
 * abuse_eras_exit() - wait until every map is freed
 *
 * No device is set up.
 */
void abuse_eras_exit(void)
{
	/* The last reference of an era is dropped in a callback of RCU. */
	rcu_barrier();
	destroy_workqueue(abuse_map_wq);
	destroy_workqueue(abuse_retire_wq);
	kmem_cache_destroy(abuse_mapping_cache);
}
