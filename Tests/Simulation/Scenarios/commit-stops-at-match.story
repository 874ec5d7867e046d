0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
3.000 partition node1 | rest
3.000 candidates node2
3.001 client0 write r0 A
      node2 campaigns in term 3
      node2 leads in term 3
      committed to 6
      node1 leads no more
5.000 client1 at node2
5.000 client1 write r0 B
      committed to 7
      client1 writes r0: done
6.000 heal
6.000 delay append node2->node1 by 300ms
6.000 delay probe node2->node1 by 300ms
      client0 writes r0: unknown
      committed to 8
       the faults stop for node1 node2 node3
       committed to 12
       held
